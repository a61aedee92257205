/**
 * A proxy for datagrams that drops some of them, the same ones for the same seed.
 */
import dgram from 'node:dgram';
import { once } from 'node:events';

/** @param {number} target port on this machine @param {{ loss: number, seed: number }} options loss from 0 to 1 */
export async function openProxy(target, { loss, seed }) {
  const front = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  const back = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await Promise.all([once(front, 'listening'), once(back, 'listening')]);
  let state = seed >>> 0;
  const random = () => {
    // A linear congruential generator, good enough to lose datagrams with.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  let source;
  const proxy = {
    port: front.address().port,
    dropped: 0,
    lossless: () => (loss = 0),
    close: () => {
      front.close();
      back.close();
    },
  };
  front.on('message', (bytes, { port }) => {
    source = port;
    if (random() < loss) proxy.dropped++;
    else back.send(bytes, target, '127.0.0.1');
  });
  back.on('message', (bytes) => {
    if (source !== undefined) front.send(bytes, source, '127.0.0.1');
  });
  return proxy;
}
