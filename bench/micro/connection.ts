/** Above the codecs: the outbox, and the dispatch of a message to its handlers. */
import { SlabPool } from '../../src/bytes/slab-pool.ts';
import type { Segment } from '../../src/bytes/byte-writer.ts';
import { Counters } from '../../src/connection/counters.ts';
import { MemoryBudget } from '../../src/connection/memory-budget.ts';
import { Outbox, type OutboxContext } from '../../src/connection/outbox.ts';
import { Emitter, Slot } from '../../src/emitter.ts';
import { DEFAULT_LIMITS } from '../../src/limits.ts';
import { Digest, type MicroCase, pattern, repeated, SIZES } from './case.ts';

/** Messages of one tick. */
const BURST = 100;

function outbox(name: string, size: number): MicroCase {
  const message = pattern(size);
  return {
    id: `micro/connection/${name}/outbox`,
    count: Math.max(100, Math.min(20_000, Math.floor((8 * 1024 * 1024) / size))),
    run: (count) => {
      const digest = new Digest();
      const context: OutboxContext = {
        slowConsumer: 'drop-newest',
        counters: new Counters(),
        memory: new MemoryBudget(Infinity),
      };
      const box: Outbox = new Outbox(new SlabPool(), DEFAULT_LIMITS, context, {
        write: (segments: readonly Segment[]) => {
          for (const segment of segments) {
            for (let end = size; end <= segment.bytes.length; end += size)
              digest.add(segment.bytes[end - 1] as number);
            box.written(segment);
          }
        },
        overflowed: () => digest.add(-1),
        refused: () => digest.add(-1),
        release: () => digest.add(-1),
        drained: () => {},
      });
      box.open();
      for (let index = 1; index <= count; index++) {
        if (!box.admit()) digest.add(-2);
        box.writer.append(message);
        box.added();
        if (index % BURST === 0) box.flush();
      }
      box.flush();
      return digest.value;
    },
    expected: (count) => repeated(count, message.at(-1) as number),
  };
}

/** @param handlers how many listen, of which the first one to everything when `wildcard` is set */
function dispatch(what: string, handlers: number, wildcard: boolean): MicroCase {
  const listening = handlers + (wildcard ? 1 : 0);
  return {
    id: `micro/emitter/number/${what}`,
    count: 50_000,
    run: (count) => {
      const digest = new Digest();
      const emitter = new Emitter();
      const slot = new Slot('tick');
      if (wildcard) emitter.on('*', (_type: string, data: number) => digest.add(data));
      for (let index = 0; index < handlers; index++) emitter.on('tick', (data: number) => digest.add(data));
      for (let index = 0; index < count; index++) emitter.publishTo(slot, index & 0xff, undefined);
      return digest.value;
    },
    expected: (count) => {
      const digest = new Digest();
      for (let index = 0; index < count; index++)
        for (let handler = 0; handler < listening; handler++) digest.add(index & 0xff);
      return digest.value;
    },
  };
}

export const CONNECTION: readonly MicroCase[] = [
  ...Object.entries(SIZES).map(([name, size]) => outbox(name, size)),
  dispatch('dispatch', 1, false),
  dispatch('dispatch-to-3', 3, false),
  dispatch('dispatch-wildcard', 1, true),
];
