/**
 * `ringwire/otel`: spans of OpenTelemetry for requests, and the trace context that joins those of both sides. Needs `@opentelemetry/api`,
 * which the program installs.
 *
 * Invariant: a span names the request and how it ended, never its input or answer.
 */
import {
  type Attributes,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  type TracerProvider,
} from '@opentelemetry/api';
import type { RequestTracer } from '../api/requests/tracing.ts';

/** What `openTelemetry` takes. */
export interface OpenTelemetryOptions {
  /** Instead of the global one. */
  readonly tracerProvider?: TracerProvider;
}

const TRACE_ID_BYTES = 16;
const CONTEXT_BYTES = 25;
const FLAGS_AT: number = CONTEXT_BYTES - 1;

/**
 * A tracer for the option `tracer` of `listen` and `connect`: a span of kind client on the asking side, below the span that is active there, and
 * one of kind server around the handler. A stream is one span on each side, from its beginning to its end.
 *
 * Spans have the attributes `rpc.system.name` (`ringwire`) and `rpc.method`, after a failure also `error.type`: the code, otherwise the name, of
 * the error. Unstable: these names follow OpenTelemetry's conventions for RPC and may change with a minor version.
 */
export function openTelemetry({ tracerProvider }: OpenTelemetryOptions = {}): RequestTracer {
  const tracer = (tracerProvider ?? trace).getTracer('ringwire');
  return {
    asking: (request) => {
      const span = tracer.startSpan(request, { kind: SpanKind.CLIENT, attributes: attributesOf(request) });
      return { context: bytesOf(span.spanContext()), ended: (error) => end(span, error) };
    },
    handling: (request, _peer, carried) => {
      const parent = carried === undefined ? undefined : contextOf(carried);
      // What happens to be active where bytes arrive has not asked.
      const from = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
      const options = { kind: SpanKind.SERVER, attributes: attributesOf(request) };
      const span = tracer.startSpan(request, options, from);
      const inside = trace.setSpan(from, span);
      return { run: (part) => context.with(inside, part), ended: (error) => end(span, error) };
    },
  };
}

function attributesOf(request: string): Attributes {
  return { 'rpc.system.name': 'ringwire', 'rpc.method': request };
}

function end(span: Span, error: unknown): void {
  if (error !== undefined) {
    span.setAttribute('error.type', typeOf(error));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

/** The message stays out of it: it may hold data. */
function typeOf(error: unknown): string {
  // Handlers may throw anything, null and strings too.
  const { remoteCode, code, name } = Object(error) as {
    remoteCode?: unknown;
    code?: unknown;
    name?: unknown;
  };
  return String(remoteCode ?? code ?? name ?? '_OTHER');
}

/** Undefined when nothing records: an absent trace does not travel. */
function bytesOf(span: SpanContext): Uint8Array | undefined {
  if (!isSpanContextValid(span)) return undefined;
  const bytes = Buffer.alloc(CONTEXT_BYTES);
  bytes.write(span.traceId, 0, 'hex');
  bytes.write(span.spanId, TRACE_ID_BYTES, 'hex');
  bytes[FLAGS_AT] = span.traceFlags;
  return bytes;
}

/** Undefined when what came is no trace context: the span begins a trace of its own. */
function contextOf(carried: Uint8Array): SpanContext | undefined {
  const bytes = Buffer.from(carried);
  const span = {
    traceId: bytes.toString('hex', 0, TRACE_ID_BYTES),
    spanId: bytes.toString('hex', TRACE_ID_BYTES, FLAGS_AT),
    traceFlags: bytes.readUInt8(FLAGS_AT),
    isRemote: true,
  };
  return isSpanContextValid(span) ? span : undefined;
}
