/**
 * Who can be measured, as data.
 */
import { pathToFileURL } from 'node:url';
import { RingwireError } from '../errors.ts';
import { certificateMissing } from './certificate.ts';
import type { Contestant, Job, TransportName } from './contestant.ts';
import { BY_HAND } from './contestants/by-hand.ts';
import { childProcess } from './contestants/child-process.ts';
import { DATAGRAM_FLOOR } from './contestants/datagrams.ts';
import { modern } from './contestants/modern.ts';
import { NDJSON } from './contestants/ndjson.ts';
import { NET } from './contestants/net.ts';
import { ringwire } from './contestants/ringwire.ts';
import { ringwireDatagrams } from './contestants/ringwire-datagrams.ts';
import { VSCODE_JSONRPC } from './contestants/vscode-jsonrpc.ts';
import { WS } from './contestants/ws.ts';
import { YARDSTICK } from './contestants/yardstick.ts';
import { ZEROMQ } from './contestants/zeromq.ts';
import { nativeMissing } from './native.ts';

/** Datagrams of many small messages take far less memory of the system's for each of them. */
const COALESCED_WINDOW = 32_768;

const FRAME: Contestant = overUdp(
  ringwire('raw-frame', { codec: 'raw', receive: 'frame' }),
  ringwireDatagrams({}),
);

export const CONTESTANTS: readonly Contestant[] = [
  { ...FRAME, window: COALESCED_WINDOW },
  ringwire('raw-view', { codec: 'raw', receive: 'view' }),
  ringwire('raw-copy', { codec: 'raw', receive: 'copy' }),
  ringwire('json', { codec: 'json' }),
  ringwire('msgpack', { codec: 'msgpack' }),
  ringwire('struct', { codec: 'struct', receive: 'view' }),
  modern('modern-raw', { codec: 'raw', receive: 'frame' }),
  modern('modern-msgpack', { codec: 'msgpack' }),
  modern('requests', { codec: 'msgpack', request: true }),
  ringwire('drop-in', {}),
  ringwire('node-ipc', { original: true }),
  {
    ...FRAME,
    name: 'raw-frame-16K',
    window: COALESCED_WINDOW,
    ...ringwireDatagrams({ datagramBytesMax: 16_384 }),
  },
  { ...FRAME, name: 'raw-frame-single', ...ringwireDatagrams({ coalesce: false }) },
  overUdp(NET, DATAGRAM_FLOOR),
  BY_HAND,
  NDJSON,
  YARDSTICK,
  WS,
  ZEROMQ,
  VSCODE_JSONRPC,
  childProcess('json'),
  childProcess('advanced'),
  { ...FRAME, name: 'c', ours: false, native: { server: true, client: true }, missing: nativeMissing },
  {
    ...ringwire('to-c', { codec: 'raw', numbered: true }),
    native: { server: true },
    missing: nativeMissing,
  },
  { ...FRAME, name: 'from-c', native: { client: true }, missing: nativeMissing },
  {
    ...ringwire('from-c-struct', { codec: 'struct', receive: 'view' }),
    native: { client: ['sample', 'struct'] },
    missing: nativeMissing,
  },
  {
    ...ringwire('from-c-msgpack', { codec: 'msgpack' }),
    native: { client: ['sample', 'msgpack'] },
    missing: nativeMissing,
  },
];

/** Streams are spoken to in one way, datagrams in another. */
function overUdp(contestant: Contestant, datagrams: Pick<Contestant, 'serve' | 'connect'>): Contestant {
  const of = ({ transport }: Job): Pick<Contestant, 'serve' | 'connect'> =>
    transport === 'udp' ? datagrams : contestant;
  return {
    ...contestant,
    serve: (job, events) => of(job).serve(job, events),
    connect: (job, events) => of(job).connect(job, events),
  };
}

/** Why a contestant cannot be measured on a transport here; undefined when it can. */
export function whyMissing(contestant: Contestant, transport: TransportName): string | undefined {
  return contestant.missing() ?? (transport === 'tls' ? certificateMissing() : undefined);
}

/** What a module that `--scenario` names exports. */
export interface ScenarioModule {
  readonly contestants?: readonly Contestant[];
}

/** @param module path of the user's own module, whose contestants come first */
export async function contestantNamed(name: string, module?: string): Promise<Contestant> {
  const own = module === undefined ? {} : ((await import(pathToFileURL(module).href)) as ScenarioModule);
  const found = [...(own.contestants ?? []), ...CONTESTANTS].find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new RingwireError('ERR_RINGWIRE_BENCH_RUN', `there is no contestant '${name}'`);
}
