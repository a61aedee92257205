/**
 * `ringwire/otel` between a client and a server on a real socket: which spans there are, whose children they are, and how they end.
 *
 * The provider keeps spans as the API hands them over; active contexts live in an AsyncLocalStorage, as in the SDK for Node.
 */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import {
  type Attributes,
  type Context,
  context as contexts,
  INVALID_SPAN_CONTEXT,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  type SpanStatus,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';
import type { RequestTracer } from '../../src/index.ts';
import { openTelemetry } from '../../src/otel/otel.ts';
import { nextPeer, Stage, until } from '../api/support.ts';
import { projectRoot } from '../support/project.ts';

class KeptSpan implements Span {
  readonly name: string;
  readonly kind: SpanKind | undefined;
  readonly parent: SpanContext | undefined;
  readonly attributes: Attributes;
  status: SpanStatus = { code: SpanStatusCode.UNSET };
  ends = 0;
  readonly #own: SpanContext;

  constructor(name: string, { kind, attributes }: SpanOptions, parent: SpanContext | undefined) {
    this.name = name;
    this.kind = kind;
    this.parent = parent;
    this.attributes = { ...attributes };
    this.#own = {
      traceId: parent?.traceId ?? randomBytes(16).toString('hex'),
      spanId: randomBytes(8).toString('hex'),
      traceFlags: parent?.traceFlags ?? TraceFlags.SAMPLED,
    };
  }

  spanContext(): SpanContext {
    return this.#own;
  }

  setAttribute(key: string, value: Attributes[string]): this {
    this.attributes[key] = value;
    return this;
  }

  setStatus(status: SpanStatus): this {
    this.status = status;
    return this;
  }

  end(): void {
    this.ends++;
  }

  setAttributes = (): this => this;
  addEvent = (): this => this;
  addLink = (): this => this;
  addLinks = (): this => this;
  updateName = (): this => this;
  isRecording = (): boolean => this.ends === 0;
  recordException = (): void => assert.fail('an exception has a message');
}

class KeepingProvider implements TracerProvider {
  readonly spans: KeptSpan[] = [];

  getTracer(): Tracer {
    const startSpan = (name: string, options: SpanOptions = {}, from: Context = contexts.active()): Span => {
      const span = new KeptSpan(name, options, trace.getSpanContext(from));
      this.spans.push(span);
      return span;
    };
    return { startSpan, startActiveSpan: () => assert.fail('nobody asked for it') as never };
  }

  /** The spans of a request, once all have ended: the asker's and the handler's. */
  async pair(name: string): Promise<[client: KeptSpan, server: KeptSpan]> {
    const named = (): KeptSpan[] => this.spans.filter((span) => span.name === name);
    await until(`both spans of ${name}`, () => named().filter((span) => span.ends > 0).length === 2);
    const [client, server, ...others] = named().toSorted((a) => (a.kind === SpanKind.CLIENT ? -1 : 1));
    assert.deepEqual(others, []);
    assert.deepEqual([client?.kind, server?.kind], [SpanKind.CLIENT, SpanKind.SERVER]);
    assert.deepEqual([client?.ends, server?.ends], [1, 1]);
    return [client as KeptSpan, server as KeptSpan];
  }
}

function isChild(child: KeptSpan, parent: KeptSpan): void {
  const { traceId, spanId, traceFlags } = parent.spanContext();
  assert.equal(child.spanContext().traceId, traceId);
  assert.deepEqual([child.parent?.traceId, child.parent?.spanId], [traceId, spanId]);
  assert.equal(child.parent?.traceFlags, traceFlags);
}

before(() => {
  const store = new AsyncLocalStorage<Context>();
  contexts.setGlobalContextManager({
    active: () => store.getStore() ?? ROOT_CONTEXT,
    with: (within, part, self, ...args) => store.run(within, () => part.apply(self, args)),
    bind: (_within, target) => target,
    enable() {
      return this;
    },
    disable() {
      return this;
    },
  });
});

test('a request is a client span and a server span of one trace, below the span that is active', async (context) => {
  const provider = new KeepingProvider();
  const tracer = openTelemetry({ tracerProvider: provider });
  const { server, client } = await new Stage(context).pair({ tracer }, { tracer });
  let active: Span | undefined;
  server.handle('add', async ({ a, b }: { a: number; b: number }) => {
    await Promise.resolve();
    active = trace.getSpan(contexts.active());
    return a + b;
  });
  const page = new KeptSpan('page', {}, undefined);
  const ask = (): Promise<unknown> => client.request('add', { a: 1, b: 2 });
  assert.equal(await contexts.with(trace.setSpan(ROOT_CONTEXT, page), ask), 3);
  const [asker, handler] = await provider.pair('add');
  isChild(asker, page);
  isChild(handler, asker);
  assert.equal(handler.parent?.isRemote, true);
  assert.equal(active, handler);
  for (const span of [asker, handler]) {
    assert.deepEqual(span.attributes, { 'rpc.system.name': 'ringwire', 'rpc.method': 'add' });
    assert.equal(span.status.code, SpanStatusCode.UNSET);
  }
});

test('an error sets status and type on both sides, and its message stays out', async (context) => {
  const provider = new KeepingProvider();
  const tracer = openTelemetry({ tracerProvider: provider });
  const { server, client } = await new Stage(context).pair({ tracer }, { tracer });
  const thrown: Record<string, unknown> = {
    coded: Object.assign(new Error('secret'), { code: 'E_NO' }),
    named: new TypeError('secret'),
    nothing: null,
  };
  for (const [name, error] of Object.entries(thrown))
    server.handle(name, () => {
      throw error;
    });
  const types: [string, string, string][] = [
    ['coded', 'E_NO', 'E_NO'],
    ['named', 'ERR_RINGWIRE_REQUEST_FAILED', 'TypeError'],
    ['nothing', 'ERR_RINGWIRE_REQUEST_FAILED', '_OTHER'],
  ];
  for (const [name, asked, handled] of types) {
    await assert.rejects(client.request(name));
    const [asker, handler] = await provider.pair(name);
    isChild(handler, asker);
    assert.deepEqual([asker.status.code, handler.status.code], [SpanStatusCode.ERROR, SpanStatusCode.ERROR]);
    assert.deepEqual([asker.attributes['error.type'], handler.attributes['error.type']], [asked, handled]);
    assert.doesNotMatch(JSON.stringify([asker, handler]), /secret/);
  }
});

test('a stream is one span on each side, and each part of the handler runs in it', async (context) => {
  const provider = new KeepingProvider();
  const tracer = openTelemetry({ tracerProvider: provider });
  const { server, client } = await new Stage(context).pair({ tracer }, { tracer });
  const active = new Set<Span | undefined>();
  server.handle('rows', async function* () {
    for (let row = 0; row < 3; row++) {
      active.add(trace.getSpan(contexts.active()));
      yield row;
    }
  });
  let rows = 0;
  for await (const row of client.stream('rows')) assert.equal(row, rows++);
  assert.equal(rows, 3);
  const [asker, handler] = await provider.pair('rows');
  isChild(handler, asker);
  assert.deepEqual([...active], [handler]);
});

test('without a trace from the other side, the handler begins one', async (context) => {
  const provider = new KeepingProvider();
  const stage = new Stage(context);
  const ours = openTelemetry({ tracerProvider: provider });
  const server = await stage.server({ tracer: ours });
  server.handle('echo', (input) => input);
  const off = openTelemetry({
    tracerProvider: {
      getTracer: () => ({
        startSpan: () => trace.wrapSpanContext(INVALID_SPAN_CONTEXT),
        startActiveSpan: () => assert.fail('nobody asked for it') as never,
      }),
    },
  });
  const zeros: RequestTracer = {
    asking: () => ({ context: new Uint8Array(25), ended: () => {} }),
    handling: () => undefined,
  };
  for (const tracer of [undefined, off, zeros]) {
    const client = await stage.client(tracer === undefined ? {} : { tracer });
    assert.equal(await client.request('echo', 1), 1);
  }
  await until('three spans', () => provider.spans.filter((span) => span.ends === 1).length === 3);
  for (const span of provider.spans) {
    assert.equal(span.kind, SpanKind.SERVER);
    assert.equal(span.parent, undefined);
  }
});

test('what is active where a connection was opened has not asked what comes over it', async (context) => {
  const provider = new KeepingProvider();
  const tracer = openTelemetry({ tracerProvider: provider });
  const stage = new Stage(context);
  const server = await stage.server();
  const page = trace.setSpan(ROOT_CONTEXT, new KeptSpan('page', {}, undefined));
  const [client, peer] = await Promise.all([
    contexts.with(page, () => stage.client({ tracer })),
    nextPeer(server),
  ]);
  client.handle('echo', (input) => input);
  assert.equal(await peer.request('echo', 1), 1);
  assert.deepEqual(
    provider.spans.map((span) => [span.name, span.parent]),
    [['echo', undefined]],
  );
});

test('the global provider is the one unless another is given', async (context) => {
  const provider = new KeepingProvider();
  trace.setGlobalTracerProvider(provider);
  context.after(() => trace.disable());
  const tracer = openTelemetry();
  const { server, client } = await new Stage(context).pair({ tracer }, { tracer });
  server.handle('echo', (input) => input);
  await client.request('echo', 1);
  await provider.pair('echo');
});

test('where the API is not installed, ringwire loads and only ringwire/otel does not', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringwire-otel-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(projectRoot(), 'build', 'src'), join(folder, 'src'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(
    join(projectRoot(), 'node_modules', 'msgpackr'),
    join(folder, 'node_modules', 'msgpackr'),
    'junction',
  );
  const load = (file: string): { status: number | null; stderr: string } => {
    const program = `await import(${JSON.stringify(pathToFileURL(join(folder, 'src', file)).href)})`;
    const args = ['--input-type=module', '-e', program];
    return spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', timeout: 15_000 });
  };
  for (const file of ['index.js', 'wire.js', 'daemon/daemon.js']) {
    const { status, stderr } = load(file);
    assert.equal(status, 0, `${file}: ${stderr}`);
  }
  assert.match(load('otel/otel.js').stderr, /Cannot find package '@opentelemetry\/api'/);
});
