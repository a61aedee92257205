/**
 * How fast msgpackr packs and unpacks the sensor object with nothing around it: a process of its own that prints one JSON line. What a wire makes
 * of it can only be slower.
 */
import { Packr } from 'msgpackr';
import { SENSOR } from '../../src/bench/scenarios.ts';

const BATCH = 100_000;
const BATCHES = 15;

/** Calls a second, the best of some batches after a warm-up. */
function rate(call: () => unknown): number {
  let best = 0;
  for (let batch = 0; batch < BATCHES; batch++) {
    const start = performance.now();
    let length = 0;
    for (let index = 0; index < BATCH; index++) if (call() !== undefined) length++;
    if (length !== BATCH) throw new Error('a call gave nothing');
    best = Math.max(best, (BATCH / (performance.now() - start)) * 1_000);
  }
  return best;
}

const packr = new Packr({ useRecords: false });
const packed = packr.pack(SENSOR);
console.log(
  JSON.stringify({ pack: rate(() => packr.pack(SENSOR)), unpack: rate(() => packr.unpack(packed)) }),
);
