/**
 * The micro benches at a small size: every case does exactly its messages with the result that it has to have, and a result that is wrong stops the run.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CASES, runMicro } from '../../bench/micro/run.ts';

test('every case gives its expected digest, at sizes that end within reads, slabs and bursts', () => {
  for (const { id, run, expected } of CASES)
    for (const count of [1, 7, 150]) assert.equal(run(count), expected(count), `${id}, ${count} messages`);
});

test('a digest tells how many messages there were, and which', () => {
  for (const { id, run, expected } of CASES)
    assert.notEqual(run(7), expected(8), `${id}: a message less is not seen`);
});

test('rows of every room, each with a sample per round', async () => {
  const rooms = new Set(CASES.map(({ id }) => id.split('/')[1]));
  assert.deepEqual([...rooms].toSorted(), ['bytes', 'codecs', 'connection', 'emitter', 'frames']);
  const ids = CASES.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, 'two cases share a name');
  const cases = CASES.filter(({ id }) => id.includes('/64B/') && !id.includes('codecs'));
  const rows = await runMicro(cases, { rounds: 2, time: 1 });
  assert.deepEqual(
    rows.map(({ id, samples }) => [id, samples.length]),
    cases.map(({ id }) => [id, 2]),
  );
  for (const { id, samples } of rows)
    assert.ok(
      samples.every((value) => value > 0 && value < 1e6),
      id,
    );
  assert.ok(
    rows.some(({ samples: [first, second] }) => first !== second),
    'the second round was measured',
  );
});

test('a case with a wrong result is refused', async () => {
  const wrong = { id: 'micro/none/64B/wrong', count: 3, run: () => 1, expected: () => 2 };
  await assert.rejects(
    runMicro([wrong], { rounds: 1, time: 1 }),
    /micro\/none\/64B\/wrong: the result is not the expected one/,
  );
});
