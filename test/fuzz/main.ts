/**
 * `npm run fuzz -- <target> [--runs N] [--seconds S] [--seed N] [--state FOLDER] [--keep]`: runs a target until it has run N times in all, or for S seconds.
 * What was run, and the corpus so far, stand in the state folder: the next call goes on from there. `--keep` writes the corpus, without what adds
 * nothing, to fixtures/corpus. SIGINT ends a slice like its last second.
 *
 * It ends with 1 at the first finding, which it prints and writes to the state folder.
 * Invariant: the count in the state is that of inputs that were run to their end.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { mistaken, numberOf, readOptions } from '../support/options.ts';
import { seeded } from '../support/seeded.ts';
import { corpusFile, readCorpus, writeCorpus } from './corpus.ts';
import { Finding, Fuzzer } from './engine.ts';
import { seedsOf } from './seeds.ts';

const BYTES_MAX = 512;
/** Runs between two looks at the clock. */
const BATCH = 1000;
/** Between two lines of progress, and two writings of the state. */
const PROGRESS_MS = 10_000;

interface State {
  runs: number;
  seconds: number;
  findings: number;
}

interface Words {
  readonly branches: number;
  readonly numbers: readonly number[];
  readonly texts: readonly string[];
}

function wordsOf({ numbers, texts }: Words): Buffer[] {
  const counted = numbers.flatMap((number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(number);
    return number < 256
      ? [bytes.subarray(0, 1), bytes]
      : number < 65_536
        ? [bytes.subarray(0, 2), bytes]
        : [bytes];
  });
  return [...counted, ...texts.map((text) => Buffer.from(text))];
}

function readState(file: string): State {
  if (!existsSync(file)) return { runs: 0, seconds: 0, findings: 0 };
  return JSON.parse(readFileSync(file, 'utf8')) as State;
}

const targets = readdirSync(new URL('targets', import.meta.url))
  .filter((file) => file.endsWith('.js'))
  .map((file) => file.replace('.js', ''));

const { values, positionals } = readOptions(
  {
    usage: 'npm run fuzz -- <target> [options]',
    about: 'Runs a target with inputs that find new paths in it, and goes on where the last call stopped.',
    words: `Targets: ${targets.join(', ')}.`,
  },
  {
    runs: { type: 'string', default: '1000000', help: 'in all, those of earlier calls included' },
    seconds: { type: 'string', default: '60', help: 'of this call' },
    seed: { type: 'string', default: '1', help: 'another one is another sequence of inputs' },
    state: {
      type: 'string',
      default: join(tmpdir(), 'ringwire-fuzz'),
      help: 'folder of what was found so far',
    },
    keep: { type: 'boolean', default: false, help: 'write the inputs that matter to fixtures/corpus' },
  },
);

/** Runs a finding once more, with its stack. */
function showStack(run: (input: Buffer) => void, input: Buffer): void {
  Error.stackTraceLimit = 20;
  try {
    run(input);
  } catch (error) {
    console.error(error);
  }
}

interface Slice {
  readonly target: string;
  readonly run: (input: Buffer) => void;
  /** Before it. */
  readonly state: State;
  readonly start: number;
}

function fileOf(target: string, ending: string): string {
  return join(values.state, `${target}${ending}`);
}

/** What stands in the state folder goes on from here, also when the process is killed. @returns in one line */
function keep({ target, state, start }: Slice, fuzzer: Fuzzer | undefined, findings: number): string {
  const seconds = (performance.now() - start) / 1000;
  const runs = fuzzer?.executions ?? 0;
  const now = { runs: state.runs + runs, seconds: state.seconds + seconds, findings };
  writeFileSync(fileOf(target, '.json'), `${JSON.stringify(now)}\n`);
  if (fuzzer !== undefined) writeCorpus(fileOf(target, '.txt'), fuzzer.corpus);
  return (
    `${target}: ${runs} runs in ${seconds.toFixed(1)} s, ${Math.round(runs / seconds)}/s; ` +
    `${fuzzer?.corpus.length ?? 0} inputs, ${fuzzer?.features ?? 0} features; ` +
    `in all ${now.runs} runs in ${Math.round(now.seconds)} s, ${findings} findings\n`
  );
}

function makeFuzzer({ target, run, state }: Slice, counters: Uint8Array, words: readonly Buffer[]): Fuzzer {
  return new Fuzzer({
    target: run,
    counters,
    corpus: [...seedsOf(target), ...readCorpus(corpusFile(target)), ...readCorpus(fileOf(target, '.txt'))],
    words,
    // Another slice is another sequence.
    random: seeded(numberOf('seed', values.seed) * 1_000_003 + state.runs),
    bytesMax: BYTES_MAX,
  });
}

/** Steps until the runs or the seconds are over, or somebody wants it to end. */
async function stepOn(slice: Slice, fuzzer: Fuzzer): Promise<void> {
  const left = numberOf('runs', values.runs, 1) - slice.state.runs;
  const untilMs = slice.start + numberOf('seconds', values.seconds) * 1000;
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  let nextMs = slice.start + PROGRESS_MS;
  while (fuzzer.executions < left && performance.now() < untilMs && !interrupt.signal.aborted) {
    for (let batch = Math.min(BATCH, left - fuzzer.executions); batch > 0; batch--) fuzzer.step();
    if (performance.now() < nextMs) continue;
    process.stderr.write(keep(slice, fuzzer, slice.state.findings));
    nextMs += PROGRESS_MS;
    // Signals are told between two batches.
    await setImmediate();
  }
}

function showFinding({ target, run }: Slice, finding: Finding, runs: number, findings: number): void {
  const input = `input ${finding.input.toString('hex')}\n`;
  process.stdout.write(`FINDING in ${target} after ${runs} runs: ${finding.message}\n${input}`);
  showStack(run, finding.input);
  writeFileSync(fileOf(target, `-finding-${findings}.txt`), input);
}

async function fuzz(target: string): Promise<number> {
  const words = JSON.parse(readFileSync(new URL('../../words.json', import.meta.url), 'utf8')) as Words;
  const counters = new Uint8Array((words.branches + 7) & ~7);
  // Instrumented modules take it when they are loaded.
  (globalThis as { ringwireCoverage?: Uint8Array }).ringwireCoverage = counters;
  const { fuzz: run } = (await import(`./targets/${target}.js`)) as { fuzz: (input: Buffer) => void };
  mkdirSync(values.state, { recursive: true });
  const slice = { target, run, state: readState(fileOf(target, '.json')), start: performance.now() };
  let { findings } = slice.state;
  // Most inputs are refused with an error, whose stack would cost more than all the rest.
  Error.stackTraceLimit = 0;
  let fuzzer: Fuzzer | undefined;
  try {
    fuzzer = makeFuzzer(slice, counters, wordsOf(words));
    await stepOn(slice, fuzzer);
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    findings++;
    showFinding(slice, error, fuzzer?.executions ?? 0, findings);
  }
  process.stdout.write(keep(slice, fuzzer, findings));
  if (values.keep && fuzzer !== undefined) writeCorpus(corpusFile(target), fuzzer.corpus);
  return findings;
}

const [target = ''] = positionals;
if (!targets.includes(target)) mistaken(target === '' ? 'which target?' : `there is no target ${target}`);
process.exitCode = (await fuzz(target)) > 0 ? 1 : 0;
