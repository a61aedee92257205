/**
 * The tasks of a tinybench 6 run: a list, or an object with the names as keys, of `{ name, result }`. A task with `retainSamples` gives its
 * samples, which tinybench has sorted; one without gives its median.
 *
 * Refuses tasks in any state but `completed`, and the format of older versions.
 */
import type { Imported } from './import.ts';
import type { Row } from './results.ts';

interface Task {
  readonly name: string;
  readonly result: unknown;
}

const NO_TASKS =
  "it is neither a list nor an object of tinybench's { name, result }, nor the lines of node:bench";

/** @throws Error whose message says what is wrong, SyntaxError when it is not JSON */
export function readTinybench(text: string): Imported {
  const tasks = tasksOf(JSON.parse(text));
  const versions = new Set(tasks.map(({ result }) => fields(result)['runtimeVersion']));
  const [version] = versions;
  if (versions.size > 1) throw new Error('its tasks were measured on different versions of Node');
  return { rows: tasks.map(rowOf), node: typeof version === 'string' ? `v${version}` : undefined };
}

function tasksOf(value: unknown): Task[] {
  if (Array.isArray(value)) return value.map((task: unknown) => taskOf(fields(task)['name'], task));
  return Object.entries(fields(value)).map(([key, task]) => taskOf(fields(task)['name'] ?? key, task));
}

function taskOf(name: unknown, task: unknown): Task {
  const { result } = fields(task);
  if (typeof name !== 'string' || typeof result !== 'object' || result === null) throw new Error(NO_TASKS);
  return { name, result };
}

function rowOf({ name, result }: Task): Row {
  const { state, latency } = fields(result);
  if (state === undefined) throw new Error(`'${name}' has no state: it is not of tinybench 6`);
  if (state !== 'completed') throw new Error(`'${name}' is ${JSON.stringify(state)}, not completed`);
  const { samples, p50 } = fields(latency);
  const milliseconds: unknown[] = Array.isArray(samples) ? samples : [p50];
  if (!milliseconds.every((each) => typeof each === 'number'))
    throw new Error(`'${name}' has no latency in numbers`);
  return { id: name, unit: 'us', better: 'lower', samples: milliseconds.map((each) => each * 1000) };
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
