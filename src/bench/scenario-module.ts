/**
 * Scenarios of the user's own: a module that exports `scenarios`, and `contestants` when it brings some. TypeScript modules need a Node that
 * strips types.
 *
 * Invariant: what is returned has been checked; anything else is refused with what is wrong.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { RingwireError } from '../errors.ts';
import type { Data, TransportName } from './contestant.ts';
import { contestantNamed } from './contestants.ts';
import { type Scenario, type ShapeName, SHAPES } from './scenarios.ts';

/** One entry of `scenarios`; each contestant becomes a row. */
export interface OwnScenario {
  /** What the message is called in the names of the rows. */
  readonly name: string;
  /** A value, or a number of bytes. */
  readonly data: Data;
  /** `raw-frame`, `msgpack`, `drop-in`, `ws` ..., or one of the module's own. */
  readonly contestants: readonly string[];
  readonly shape?: ShapeName;
  readonly transport?: TransportName;
  /** Messages of a round at the size 'full'. */
  readonly count?: number;
  readonly peers?: number;
  readonly inFlight?: number;
  readonly perSecond?: number;
}

const COUNT = 400_000;
const TRANSPORTS: readonly TransportName[] = ['unix', 'tcp', 'tls', 'udp'];

/** @throws RingwireError ERR_RINGWIRE_BENCH_FILE with what is wrong with the module */
export async function loadScenarios(file: string): Promise<readonly Scenario[]> {
  const place = path.resolve(file);
  let module: { readonly scenarios?: unknown };
  try {
    module = (await import(pathToFileURL(place).href)) as { scenarios?: unknown };
  } catch (cause) {
    throw refuse(file, `it cannot be imported: ${(cause as Error).message}`, cause);
  }
  if (!Array.isArray(module.scenarios)) throw refuse(file, "it exports no list 'scenarios'");
  const scenarios: Scenario[] = [];
  for (const own of module.scenarios as OwnScenario[]) scenarios.push(...(await rowsFor(own, file, place)));
  if (scenarios.length === 0) throw refuse(file, "its list 'scenarios' is empty");
  return scenarios;
}

async function rowsFor(own: OwnScenario, file: string, place: string): Promise<Scenario[]> {
  const { name, data, contestants, shape = 'one-way', transport = 'unix', count = COUNT, ...numbers } = own;
  if (typeof name !== 'string' || !/^[\w.-]+$/.test(name))
    throw refuse(file, `'${String(name)}' is no name: letters, digits, dots and dashes`);
  if (!isData(data))
    throw refuse(file, `the data of ${name} is neither a value that JSON can say nor a number of bytes`);
  if (!Object.hasOwn(SHAPES, shape))
    throw refuse(file, `${name}: there is no shape '${shape}', only ${Object.keys(SHAPES).join(', ')}`);
  if (!TRANSPORTS.includes(transport))
    throw refuse(file, `${name}: there is no transport '${transport}', only ${TRANSPORTS.join(', ')}`);
  if (!Array.isArray(contestants) || contestants.length === 0)
    throw refuse(file, `${name} names no contestants`);
  for (const [key, value] of Object.entries({ count, ...numbers }))
    if (!Number.isInteger(value) || value < 1)
      throw refuse(file, `${name}: ${key} is a whole number from 1 on`);
  if (shape === 'open' && numbers.perSecond === undefined)
    throw refuse(file, `${name}: an open loop needs perSecond`);
  const rows: Scenario[] = [];
  for (const contestant of contestants as string[]) {
    await contestantNamed(contestant, place);
    const id = `${transport}/${contestant}/${name}/${shape}`;
    rows.push({ id, transport, contestant, data, shape, count, ...numbers, module: place });
  }
  return rows;
}

function isData(data: unknown): data is Data {
  if (typeof data === 'number') return Number.isInteger(data) && data > 0;
  return typeof data === 'object' && data !== null;
}

function refuse(file: string, why: string, cause?: unknown): RingwireError {
  return new RingwireError('ERR_RINGWIRE_BENCH_FILE', `${file} holds no scenarios: ${why}`, { cause });
}
