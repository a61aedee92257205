/**
 * `npm run fuzz -- <target> [--runs N] [--seconds S] [--seed N] [--state FOLDER] [--keep]`: runs a target until it has run N times in all, or for S seconds.
 * What was run, and the corpus so far, stand in the state folder: the next call goes on from there. `--keep` writes the corpus, without what adds
 * nothing, to fixtures/corpus.
 *
 * It ends with 1 at the first finding, which it prints and writes to the state folder.
 * Invariant: the count in the state is that of inputs that were run to their end.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { seeded } from '../support/seeded.ts';
import { projectRoot } from '../support/project.ts';
import { corpusFile, readCorpus, writeCorpus } from './corpus.ts';
import { Finding, Fuzzer } from './engine.ts';
import { seedsOf } from './seeds.ts';

const BYTES_MAX = 512;
/** Runs between two looks at the clock. */
const BATCH = 1000;

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

const { values, positionals } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    state: { type: 'string', default: join(tmpdir(), 'ringwire-fuzz') },
    keep: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

/** Runs a finding once more, with its stack. */
function showStack(run: (input: Buffer) => void, input: Buffer): void {
  Error.stackTraceLimit = 20;
  try {
    run(input);
  } catch (error) {
    console.error(error);
  }
}

async function fuzz(target: string): Promise<number> {
  const words = JSON.parse(readFileSync(join(projectRoot(), 'build', 'fuzz', 'words.json'), 'utf8')) as Words;
  const counters = new Uint8Array((words.branches + 7) & ~7);
  // Instrumented modules take it when they are loaded.
  (globalThis as { ringwireCoverage?: Uint8Array }).ringwireCoverage = counters;
  const { fuzz: run } = (await import(`./targets/${target}.js`)) as { fuzz: (input: Buffer) => void };
  mkdirSync(values.state, { recursive: true });
  const stateFile = join(values.state, `${target}.json`);
  const corpusSoFar = join(values.state, `${target}.txt`);
  const state = readState(stateFile);
  const corpus = [...seedsOf(target), ...readCorpus(corpusFile(target)), ...readCorpus(corpusSoFar)];
  // Another slice is another sequence.
  const random = seeded(Number(values.seed) * 1_000_003 + state.runs);
  // Most inputs are refused with an error, whose stack would cost more than all the rest.
  Error.stackTraceLimit = 0;
  const start = performance.now();
  let fuzzer: Fuzzer | undefined;
  try {
    fuzzer = new Fuzzer({
      target: run,
      counters,
      corpus,
      words: wordsOf(words),
      random,
      bytesMax: BYTES_MAX,
    });
    const left = Number(values.runs) - state.runs;
    const untilMs = start + Number(values.seconds) * 1000;
    while (fuzzer.executions < left && performance.now() < untilMs)
      for (let batch = Math.min(BATCH, left - fuzzer.executions); batch > 0; batch--) fuzzer.step();
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    state.findings++;
    process.stdout.write(`FINDING in ${target}: ${error.message}\ninput ${error.input.toString('hex')}\n`);
    showStack(run, error.input);
    writeFileSync(
      join(values.state, `${target}-finding-${state.findings}.txt`),
      `input ${error.input.toString('hex')}\n`,
    );
  }
  const seconds = (performance.now() - start) / 1000;
  const runs = fuzzer?.executions ?? 0;
  state.runs += runs;
  state.seconds += seconds;
  writeFileSync(stateFile, `${JSON.stringify(state)}\n`);
  if (fuzzer !== undefined) {
    writeCorpus(corpusSoFar, fuzzer.corpus);
    if (values.keep) writeCorpus(corpusFile(target), fuzzer.corpus);
  }
  process.stdout.write(
    `${target}: ${runs} runs in ${seconds.toFixed(1)} s, ${Math.round(runs / seconds)}/s; ` +
      `${fuzzer?.corpus.length ?? 0} inputs, ${fuzzer?.features ?? 0} features; in all ${state.runs} runs, ${state.findings} findings\n`,
  );
  return state.findings;
}

const [target = ''] = positionals;
if (targets.includes(target)) process.exitCode = (await fuzz(target)) > 0 ? 1 : 0;
else {
  process.stderr.write(
    `usage: npm run fuzz -- ${targets.join('|')} [--runs N] [--seconds S] [--seed N] [--state FOLDER] [--keep]\n`,
  );
  process.exitCode = 2;
}
