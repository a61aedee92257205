/**
 * Structs in datagrams: every way to receive, events in every mode, an event without a struct.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineStruct } from '../../src/api.ts';
import { until, udp } from './support/pair.ts';

const Imu = defineStruct('imu', { seq: 'u32', x: 'f32', samples: ['i16', 4] });
const structs = { imu: Imu };

for (const receive of ['copy', 'view', 'frame'] as const) {
  for (const mode of ['unordered', 'sequenced', 'latest'] as const) {
    test(`structs in datagrams, ${mode}, received as ${receive}`, async (context) => {
      const settings = {
        codec: 'struct',
        structs,
        receive,
        events: { imu: 5 },
        udp: { events: { imu: { mode } } },
      } as const;
      const [from, to] = [await udp(context, settings), await udp(context, settings)];
      const seen: unknown[] = [];
      to.server.on('imu', (imu: ReturnType<typeof Imu.view>) => {
        seen.push(receive === 'copy' ? imu : Imu.toObject(imu));
      });
      for (let seq = 0; seq < 20; seq++)
        from.server.emit(to.place as never, 'imu', { seq, x: 0.5, samples: [1, 2, 3, seq] });
      await until('the last one', () => (seen.at(-1) as { seq?: number } | undefined)?.seq === 19);
      assert.deepEqual(seen.at(-1), { seq: 19, x: 0.5, samples: [1, 2, 3, 19] });
      if (mode !== 'latest') assert.equal(seen.length, 20);
    });
  }
}

test('an event without a struct is refused where it is sent, and counted where it is received', async (context) => {
  const from = await udp(context, { codec: 'struct', structs: { imu: Imu, other: Imu } });
  const to = await udp(context, { codec: 'struct', structs });
  const value = { seq: 1, x: 2, samples: [0, 0, 0, 0] };
  assert.throws(() => from.server.emit(to.place as never, 'unknown', value), {
    code: 'ERR_RINGWIRE_NO_STRUCT',
  });
  let heard = 0;
  to.server.on('imu', () => heard++);
  from.server.emit(to.place as never, 'other', value);
  from.server.emit(to.place as never, 'imu', value);
  await until('the message behind it', () => heard === 1);
  assert.match(JSON.stringify(to.stats()), /ERR_RINGWIRE_NO_STRUCT/);
});
