/**
 * docs/conformance.md: the result of each input of the conformance pack for each of the three receivers, by group. `npm run conformance` writes it.
 *
 * Invariant: a row stands for all ways to cut its input; it says pass only when every one of them passed.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compilerMissing, make } from '../support/native.ts';
import { projectRoot } from '../support/project.ts';
import { type Input, readCases } from './cases.ts';
import { type Result, runClients, runNative, runServer, type Target, TARGETS } from './run.ts';

export const REPORT: string = join(projectRoot(), 'docs', 'conformance.md');

const HEAD = `# Conformance

What three implementations make of the same bytes: the TypeScript server, the TypeScript client, both on real sockets, and \`ringwire.h\`. The inputs are data, in
\`fixtures/conformance\`; each is sent whole, byte by byte, and cut where it hurts: in the header, the extension, the payload and the padding of its last frame, in front of a
delimiter. A row passes when every one of these cases gives the expected messages and requests, the expected error code, and the expected end: a connection that stays, or one that is
closed behind a goodbye with the right reason. Of \`ringwire.h\`, which is a parser, the row asks for the expected frames, the code and the place of the fault; a stream is given to it as to
a server and as to a client.

A dash stands where an input is not fair: the first byte of a stream chooses the wire at a server, datagrams have no client, and some inputs need options that a parser has and
an endpoint has not. \`npm run conformance\` runs the pack and writes this page; \`npm test\` runs it too, and compares this page with it.
`;

function escaped(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

/** The cells of a row that do not depend on a run. */
export function caseRows(inputs: readonly Input[]): string[][] {
  return inputs.map(({ id, name, code, events, chunkings, wire }) => {
    const faults = events.filter((line) => line.startsWith('error ')).map((line) => line.slice(6));
    const expected = wire === 'datagram' || code === 'OK' ? [...new Set(faults)].join(', ') || 'OK' : code;
    return [`| ${id}`, escaped(name), expected, String(Object.keys(chunkings).length)];
  });
}

function cell(results: readonly Result[]): string {
  if (results.length === 0) return '-';
  const failed = results.filter(({ fault }) => fault !== '');
  return failed.length === 0 ? 'pass' : `FAIL: ${failed.map(({ chunking }) => chunking).join(', ')}`;
}

function key(id: string, target: Target): string {
  return `${id} ${target}`;
}

function reportOf(inputs: readonly Input[], results: readonly Result[]): string {
  const byCell = new Map<string, Result[]>();
  for (const result of results) {
    const name = key(result.input.id, result.target);
    byCell.set(name, [...(byCell.get(name) ?? []), result]);
  }
  const groups = new Map<string, Input[]>();
  for (const input of inputs) groups.set(input.group, [...(groups.get(input.group) ?? []), input]);
  const lines = [
    HEAD,
    '| group | inputs | cases | server | client | ringwire.h |',
    '|---|---:|---:|---:|---:|---:|',
  ];
  const passed = (some: readonly Input[], target: Target): string => {
    const own = some.flatMap(({ id }) => byCell.get(key(id, target)) ?? []);
    return own.length === 0 ? '-' : `${own.filter(({ fault }) => fault === '').length} of ${own.length}`;
  };
  const row = (name: string, some: readonly Input[]): string => {
    const cases = some.reduce((sum, { chunkings }) => sum + Object.keys(chunkings).length, 0);
    return `| ${name} | ${some.length} | ${cases} | ${TARGETS.map((target) => passed(some, target)).join(' | ')} |`;
  };
  for (const [group, some] of groups) lines.push(row(group, some));
  lines.push(row('all', inputs));
  for (const [group, some] of groups) {
    lines.push(
      '',
      `## ${group}`,
      '',
      '| id | input | expected | cases | server | client | ringwire.h |',
      '|---|---|---|---:|---|---|---|',
    );
    const fixed = caseRows(some);
    some.forEach(({ id }, index) => {
      const cells = TARGETS.map((target) => cell(byCell.get(key(id, target)) ?? []));
      lines.push(`${(fixed[index] as string[]).join(' | ')} | ${cells.join(' | ')} |`);
    });
  }
  return `${lines.join('\n')}\n`;
}

/** Runs the pack and writes the page. @returns how many cases failed */
export async function writeReport(): Promise<number> {
  const missing = compilerMissing('gcc');
  if (missing !== undefined) throw new Error(`the report needs all three: ${missing}`);
  make('native-peers', 'bin/vectors');
  const inputs = readCases();
  const results = [...(await runServer(inputs)), ...(await runClients(inputs)), ...(await runNative(inputs))];
  writeFileSync(REPORT, reportOf(inputs, results));
  const failed = results.filter(({ fault }) => fault !== '');
  for (const { input, chunking, target, fault } of failed)
    process.stdout.write(`${target}: ${input.id} ${input.name}, ${chunking}: ${fault}\n\n`);
  process.stdout.write(`${results.length} cases, ${failed.length} failed\n`);
  return failed.length;
}
