/**
 * Results in the formats of other tools: each writer turns checked results into text, with the median and the 95 percent interval where a tool
 * wants one figure, and every sample where it takes them.
 *
 * Refuses rows that a format cannot hold; it never leaves one out. Names are escaped as the format demands.
 */
import { RingwireError } from '../errors.ts';
import type { Results, Row } from './results.ts';
import { bootstrap, type Interval, median } from './statistics.ts';

export type ExportFormat = 'csv' | 'junit' | 'github-action-benchmark' | 'bencher' | 'benchstat';

/** @throws RingwireError ERR_RINGWIRE_BENCH_FILE when the format cannot hold these rows */
export const EXPORTS: Readonly<Record<ExportFormat, (results: Results) => string>> = {
  csv: toCsv,
  junit: toJunit,
  'github-action-benchmark': toGithubActionBenchmark,
  bencher: toBencher,
  benchstat: toBenchstat,
};

/** One line per sample (RFC 4180, with a header). */
function toCsv({ rows }: Results): string {
  const lines = rows.flatMap(({ id, unit, better, samples }) =>
    samples.map((value, round) => [id, unit, better, round + 1, value].map(csvField).join(',')),
  );
  return ['id,unit,better,round,value', ...lines, ''].join('\n');
}

function csvField(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A passed test case per row with the figures as its properties: measuring is not judging, `compare` and `gate` judge. */
function toJunit({ rows, date, machine }: Results): string {
  const cases = rows.map((row) => {
    const { low, high } = interval(row);
    const figures = { unit: row.unit, better: row.better, median: median(row.samples), low, high };
    const properties = Object.entries({ ...figures, samples: row.samples.join(' ') });
    const [path, name] = splitAt(row.id, row.id.lastIndexOf('/'));
    return [
      `    <testcase classname="${xml(path === '' ? 'bench' : path)}" name="${xml(name)}" time="0">`,
      '      <properties>',
      ...properties.map(([key, value]) => `        <property name="${key}" value="${xml(String(value))}"/>`),
      '      </properties>',
      '    </testcase>',
    ].join('\n');
  });
  const about = Object.entries(machine).map(
    ([key, value]) => `      <property name="${key}" value="${xml(String(value))}"/>`,
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites tests="${rows.length}" failures="0">`,
    `  <testsuite name="ringwire bench" tests="${rows.length}" failures="0" errors="0" skipped="0" timestamp="${xml(date)}">`,
    '    <properties>',
    ...about,
    '    </properties>',
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function splitAt(id: string, slash: number): [string, string] {
  return [id.slice(0, Math.max(0, slash)), id.slice(slash + 1)];
}

const XML_ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

function xml(text: string): string {
  return (
    text
      // Control characters cannot be written in XML at all, not even escaped.
      .replaceAll(/[^\t\n\r\u0020-\uffff]/g, '?')
      .replaceAll(/[&<>"]/g, (character) => XML_ENTITIES[character] ?? character)
      .replaceAll(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`)
  );
}

/** The list that its tools `customSmallerIsBetter` and `customBiggerIsBetter` take; one file has one direction. */
function toGithubActionBenchmark({ rows }: Results): string {
  if (new Set(rows.map(({ better }) => better)).size > 1) {
    const why = 'a file for github-action-benchmark has one direction, and these rows have both';
    throw new RingwireError(
      'ERR_RINGWIRE_BENCH_FILE',
      `${why}: choose with --better lower or --better higher`,
    );
  }
  return json(
    rows.map((row) => {
      const { low, high } = interval(row);
      const value = median(row.samples);
      return {
        name: row.id,
        unit: row.unit,
        value,
        range: `± ${Math.max(high - value, value - low).toPrecision(3)}`,
        extra: `95 % interval ${low.toPrecision(4)} to ${high.toPrecision(4)}\n${row.samples.length} rounds`,
      };
    }),
  );
}

/** Bencher Metric Format: benchmark, measure, and a value between two bounds. */
function toBencher({ rows }: Results): string {
  const benchmarks: Record<string, Record<string, object>> = {};
  for (const row of rows) {
    const { name, metric } = splitMetric(row.id);
    const { low, high } = interval(row);
    const measures = (benchmarks[name] ??= {});
    const measure = measureName(metric, row.unit);
    if (measures[measure] !== undefined)
      throw new RingwireError('ERR_RINGWIRE_BENCH_FILE', `for bencher ${name} has more than one ${measure}`);
    measures[measure] = { value: median(row.samples), lower_value: low, upper_value: high };
  }
  return json(benchmarks);
}

/** A measure has one unit for good, so the unit is in the name. `throughput` is the one that Bencher has for operations a second. */
function measureName(metric: string | undefined, unit: string): string {
  if (metric === undefined && unit === 'messages/s') return 'throughput';
  const words = metric === undefined ? unit : `${metric} ${unit}`;
  return words.toLowerCase().replaceAll(/[^a-z0-9.]+/g, '-');
}

/** The text format of Go's benchmarks: one line per sample, and for each unit which direction is better. */
function toBenchstat({ rows, date, machine }: Results): string {
  const units = new Map(rows.map(({ unit, better }) => [goWord(unit), better]));
  if (rows.some(({ unit, better }) => units.get(goWord(unit)) !== better)) {
    const why = 'for benchstat a unit has one direction, and here one has both';
    throw new RingwireError(
      'ERR_RINGWIRE_BENCH_FILE',
      `${why}: choose with --better lower or --better higher`,
    );
  }
  return [
    `date: ${date}`,
    `cpu: ${machine.cpu}`,
    `kernel: ${machine.kernel}`,
    `node: ${machine.node}`,
    ...Array.from(units, ([unit, better]) => `Unit ${unit} better=${better}`),
    ...rows.flatMap((row) => {
      const { name, metric } = splitMetric(row.id);
      const path = metric === undefined ? name : `${name}/metric=${metric}`;
      // The number of cores at the end is Go's custom; without it the 64 of `echo-64` would be taken for it.
      const benchmark = `BenchmarkRingwire/${goWord(path)}-${machine.cores}`;
      return row.samples.map((value) => `${benchmark} 1 ${value} ${goWord(row.unit)}`);
    }),
    '',
  ].join('\n');
}

function goWord(text: string): string {
  return text.replaceAll(/\s+/g, '_');
}

/** `unix/net/64B/echo#p50` is the metric p50 of `unix/net/64B/echo`. */
function splitMetric(id: string): { readonly name: string; readonly metric: string | undefined } {
  const hash = id.indexOf('#');
  return hash < 0 ? { name: id, metric: undefined } : { name: id.slice(0, hash), metric: id.slice(hash + 1) };
}

function interval(row: Row): Interval {
  return bootstrap([row.samples], (values) => median(values ?? []));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
