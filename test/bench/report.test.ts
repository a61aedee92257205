/**
 * What a report is made of: figures, groups, charts, and text that stays text.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import vm from 'node:vm';
import { CONTESTANTS } from '../../src/bench/contestants.ts';
import { scaledOption } from '../../src/bench/report/chart.ts';
import { chartsOf } from '../../src/bench/report/charts.ts';
import { loadEcharts } from '../../src/bench/report/echarts.ts';
import { figure } from '../../src/bench/report/figures.ts';
import { groupRows, summarize } from '../../src/bench/report/groups.ts';
import { htmlText, scriptJson, scriptText } from '../../src/bench/report/html-text.ts';
import { DARK, kindOf, LIGHT } from '../../src/bench/report/theme.ts';
import { makeResults, type Row } from '../../src/bench/results.ts';
import { exampleResults } from '../support/results.ts';

function rate(id: string, ...samples: readonly number[]): Row {
  return { id, unit: 'messages/s', better: 'higher', samples };
}

test('the colours know every contestant: ringwire’s own look like ringwire', () => {
  const shown = CONTESTANTS.filter(({ ours }) => ours === true).map(({ name }) => [name, kindOf(name)]);
  assert.ok(shown.length > 10);
  for (const [name, kind] of [...shown, ['ringwire', kindOf('ringwire')]])
    assert.equal(kind, 'ringwire', name);
  for (const name of ['c', 'net']) assert.equal(kindOf(name), 'reference');
});

test('figures have three digits and their unit', () => {
  for (const [value, unit, expected] of [
    [13_150_000, 'messages/s', '13.2 M/s'],
    [999_700, 'messages/s', '1.00 M/s'],
    [114_300, 'messages/s', '114 k/s'],
    [931, 'messages/s', '931/s'],
    [156.3, 'us', '156 µs'],
    [0.5, 'us', '0.500 µs'],
    [1234, 'us', '1.23 ms'],
    [2_500_000, 'us', '2.50 s'],
    [0.066, 'us/message', '0.0660 µs/message'],
    [4096, 'bytes', '4.10 k bytes'],
  ] as const) {
    assert.equal(figure(value, unit), expected);
  }
});

describe('groups', () => {
  test('every row is in exactly one', () => {
    const rows = summarize(
      makeResults([...exampleResults({ rounds: 2 }).rows, rate('whatever', 1), rate('unix/ws/64B/churn', 1)]),
    );
    const { oneWay, fan, rates, latency, costs, unnamed } = groupRows(rows);
    const grouped = [oneWay, fan, rates, latency, costs].flat().flatMap((group) => group.rows);
    assert.deepEqual(
      [...grouped, ...unnamed].map(({ id }) => id).toSorted(),
      rows.map(({ id }) => id).toSorted(),
    );
    assert.deepEqual(
      unnamed.map(({ id }) => id),
      ['whatever'],
    );
    assert.deepEqual(
      rates.map(({ shape }) => shape),
      ['churn'],
    );
    assert.deepEqual(new Set(fan.map(({ shape }) => shape)), new Set(['fan-out-100', 'fan-in-100']));
    assert.equal(oneWay.length, 3 * 7);
    assert.equal(latency.length, 3 * 3);
  });

  test('rates are sorted, best first, with ratios to C and net of the same transport, payload and shape', () => {
    const rows = summarize(
      makeResults([
        rate('unix/ws/64B/one-way', 10, 30, 20),
        rate('unix/c/64B/one-way', 100, 100, 400),
        rate('unix/net/64B/one-way', 25, 25),
        rate('unix/ws/1KiB/one-way', 1),
        rate('tcp/ws/64B/one-way', 1),
      ]),
    );
    const [first, ...others] = groupRows(rows).oneWay;
    assert.deepEqual(
      first?.rows.map(({ name }) => name.contestant),
      ['c', 'net', 'ws'],
    );
    // Round by round: 10/100, 30/100, 20/400 and 10/25, 30/25.
    assert.equal(first?.rows[2]?.toC, 0.1);
    assert.equal(first?.rows[2]?.toNet, 0.8);
    assert.equal(first?.rows[0]?.toC, undefined);
    for (const { rows: alone } of others) assert.equal(alone[0]?.toC, undefined);
  });
});

describe('charts', () => {
  const groups = groupRows(summarize(exampleResults({ rounds: 3 })));
  const chart = (shape: string, payload = '64B') =>
    Array.from(chartsOf(groups, undefined).of.values()).find(({ id }) =>
      id.endsWith(`unix-${payload}-${shape}`),
    );

  test('the scale is logarithmic where bars would not be seen, and can hold every interval', () => {
    assert.equal(chart('one-way')?.scale, 'log');
    const few = chart('one-way', 'sensor');
    assert.equal(few?.scale, 'linear');
    const sensor = groups.oneWay.find(({ payload }) => payload === 'sensor');
    const most = Math.max(...(sensor?.rows ?? []).map(({ interval }) => interval.high));
    for (const scale of ['linear', 'log'] as const) {
      const max = few?.scales[scale]['max'] as number;
      assert.ok(max * 1000 >= most && max * 1000 < most * 10, `${scale}: ${max} for ${most}`);
    }
  });

  test('the alternative text says the figures', () => {
    assert.match(
      chart('one-way')?.alt ?? '',
      /^unix, 64B, one-way, best first: c 4\d\.\d M\/s, raw-frame 1\d\.\d M\/s, /,
    );
    assert.match(
      chart('echo')?.alt ?? '',
      /p50, p90, p99, p99\.9, max: c [\d.]+ µs, .*; .*node-ipc .* ms\.$/,
    );
  });

  test('options are data: they survive JSON', () => {
    for (const each of chartsOf(groups, undefined).of.values()) {
      for (const theme of [LIGHT, DARK]) {
        const option = scaledOption(each, theme);
        assert.deepEqual(JSON.parse(JSON.stringify(option)), option);
      }
    }
  });

  test('names that become equal as file names stay apart', () => {
    const rows = ['a b', 'a-b', 'A/b'].flatMap((payload) => [
      rate(`unix/ws/${payload.replace('/', ':')}/one-way`, 1),
      rate(`unix/net/${payload.replace('/', ':')}/one-way`, 1),
    ]);
    const ids = Array.from(
      chartsOf(groupRows(summarize(makeResults(rows))), undefined).of.values(),
      ({ id }) => id,
    );
    assert.deepEqual(ids, ['rate-unix-a-b-one-way', 'rate-unix-a-b-one-way-2', 'rate-unix-A-b-one-way-3']);
    const hostile = [
      rate('../../ws/../one-way', 1),
      rate('..\\/ws/../one-way', 1),
      rate('..\\/net/../one-way', 1),
    ];
    for (const { id } of chartsOf(groupRows(summarize(makeResults(hostile))), undefined).of.values()) {
      assert.doesNotMatch(id, /[/\\]|\.\./);
    }
  });

  test('a long name does not push the figures out', () => {
    const rows = ['n'.repeat(500), 'net'].map((name) => rate(`unix/${name}/64B/one-way`, 1e6));
    const [drawn] = chartsOf(groupRows(summarize(makeResults(rows))), undefined).of.values();
    assert.ok(drawn !== undefined);
    const { left, right } = drawn.option(LIGHT)['grid'] as { left: number; right: number };
    assert.ok(left + right < drawn.width / 2, `${left} and ${right}`);
  });

  test('ringwire, references and others are told apart', () => {
    assert.deepEqual(['raw-frame', 'drop-in', 'c', 'net', 'ws', 'new'].map(kindOf), [
      'ringwire',
      'ringwire',
      'reference',
      'reference',
      'other',
      'other',
    ]);
  });
});

test('text stays text in HTML and in scripts', () => {
  assert.equal(htmlText(`<a href="x" id='y'>\n&`), '&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt; &amp;');
  const hostile = { id: '</script><!--<script>' };
  assert.doesNotMatch(scriptJson(hostile), /</);
  assert.deepEqual(JSON.parse(scriptJson(hostile)), hostile);
  const program = scriptText(`result = ['</script>', '<!--', /<\\/SCRIPT/.source]`);
  assert.doesNotMatch(program, /<\/script|<!--/i);
  const scope: { result?: unknown } = {};
  vm.runInNewContext(program, scope);
  assert.deepEqual(Array.from(scope.result as string[]), ['</script>', '<!--', '<\\/SCRIPT']);
});

test('the library is found beside, not where it is not', () => {
  const empty = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-empty-'));
  try {
    assert.equal(loadEcharts([path.join(empty, 'index.js')]), undefined);
    assert.ok(loadEcharts([path.join(empty, 'index.js'), import.meta.url]) !== undefined);
  } finally {
    fs.rmSync(empty, { recursive: true });
  }
});
