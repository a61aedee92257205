// node examples/requests/server.mjs [address]
import { listen } from 'ringwire';
import { protocol } from './protocol.mjs';

const server = await listen(process.argv[2] ?? 'ipc://images', { protocol });

server.handle('resize', async ({ width, height }, { peer, signal }) => {
  if (width <= 0 || height <= 0)
    throw Object.assign(new RangeError('an image has a size'), { code: 'EINVAL' });
  peer.send('progress', { done: 0.5 });
  signal.throwIfAborted(); // the asker may have given up meanwhile
  peer.send('thumbnail', Buffer.alloc(width));
  return { bytes: width * height };
});

// Items leave as the other side takes them: at most 16 are ahead of it.
server.handle('rows', async function* ({ count }) {
  for (let row = 1; row <= count; row++) yield { row, square: row * row };
});

console.log(`listening on ${server.address}`);
