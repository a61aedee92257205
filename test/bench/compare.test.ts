/**
 * The verdicts: a difference is reported when it is there and large enough, noise is not, whichever direction the unit has.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareResults, comparePaired, comparisonTable, type Verdict } from '../../src/bench/compare.ts';
import { makeResults, type Row } from '../../src/bench/results.ts';
import { seededRandom } from '../../src/bench/statistics.ts';

/** Rounds around `level` with a spread of a few percent. */
function row(id: string, level: number, seed: number, better: Row['better'] = 'higher', rounds = 10): Row {
  const random = seededRandom(seed);
  return {
    id,
    unit: 'messages/s',
    better,
    samples: Array.from({ length: rounds }, () => level * (0.98 + 0.04 * random())),
  };
}

function manyRows(seed: number): Row[] {
  return Array.from({ length: 40 }, (_, index) => row(`row ${index}`, 100, seed + index));
}

function verdict(base: Row, head: Row): Verdict | undefined {
  return compareResults(makeResults([base]), makeResults([head])).rows[0]?.verdict;
}

test('unpaired: faster, slower, same, in both directions', () => {
  assert.equal(verdict(row('a', 100, 1), row('a', 100, 2)), 'same');
  assert.equal(verdict(row('a', 100, 1), row('a', 85, 2)), 'slower');
  assert.equal(verdict(row('a', 100, 1), row('a', 115, 2)), 'faster');
  assert.equal(verdict(row('a', 100, 1, 'lower'), row('a', 115, 2, 'lower')), 'slower');
  assert.equal(verdict(row('a', 100, 1, 'lower'), row('a', 85, 2, 'lower')), 'faster');
});

test('unpaired: a sure but small difference does not matter, a large but unsure one is inconclusive', () => {
  assert.equal(verdict(row('a', 100, 1), row('a', 98, 2)), 'same');
  const few = row('a', 100, 1, 'higher', 2);
  assert.equal(verdict(few, row('a', 80, 2, 'higher', 2)), 'inconclusive');
});

test('unpaired: the ratio is that of the levels and lies in its interval', () => {
  const [first] = compareResults(makeResults([row('a', 100, 1)]), makeResults([row('a', 50, 2)])).rows;
  assert.ok(first !== undefined);
  assert.ok(Math.abs(first.ratio - 0.5) < 0.02, String(first.ratio));
  assert.ok(first.interval.low <= first.ratio && first.ratio <= first.interval.high);
  assert.ok(first.p < 0.001);
});

test('paired: what hits both alike does not matter, however large it is', () => {
  const random = seededRandom(4);
  const weather = Array.from({ length: 12 }, () => 0.3 + random());
  const base: Row = {
    id: 'a',
    unit: 'x',
    better: 'higher',
    samples: weather.map((each) => each * (1 + 0.01 * random())),
  };
  const head = (factor: number): Row => ({
    ...base,
    samples: weather.map((each) => each * factor * (1 + 0.01 * random())),
  });
  assert.equal(comparePaired([[base, head(1)]])[0]?.verdict, 'same');
  assert.equal(comparePaired([[base, head(0.9)]])[0]?.verdict, 'slower');
  assert.equal(comparePaired([[base, head(1.1)]])[0]?.verdict, 'faster');
  assert.equal(verdict(base, head(0.9)), 'inconclusive', 'unpaired, the weather hides it');
});

test('many rows: chance differences in some of them are no verdict', () => {
  const { rows: compared } = compareResults(makeResults(manyRows(1)), makeResults(manyRows(1000)), {
    minEffect: 0,
    alpha: 0.05,
  });
  assert.deepEqual(
    compared.filter((each) => each.verdict === 'faster' || each.verdict === 'slower'),
    [],
  );
});

test('rows of one side only are named, the table shows the worst first', () => {
  const base = makeResults([row('kept', 100, 1), row('worse', 100, 1), row('gone', 100, 1)]);
  const head = makeResults([row('kept', 100, 2), row('worse', 50, 2), row('new', 100, 1)]);
  const comparisons = compareResults(base, head);
  assert.deepEqual(comparisons.onlyBase, ['gone']);
  assert.deepEqual(comparisons.onlyHead, ['new']);
  const table = comparisonTable(comparisons);
  assert.ok(table.indexOf('| worse | slower |') < table.indexOf('| kept | same |'), table);
  assert.match(table, /only in the base: gone/);
});
