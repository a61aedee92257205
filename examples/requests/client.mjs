// node examples/requests/client.mjs [address]
import { connect } from 'ringwire';
import { protocol } from './protocol.mjs';

const client = await connect(process.argv[2] ?? 'ipc://images', { protocol });
client.on('progress', ({ done }) => console.log(`${done * 100} %`));
client.on('thumbnail', (bytes) => console.log(`a thumbnail of ${bytes.length} bytes`));

const { bytes } = await client.request('resize', { width: 64, height: 48 }, { timeout: 5_000 });
console.log(`resized: ${bytes} bytes`);

try {
  await client.request('resize', { width: 0, height: 48 });
} catch (error) {
  console.log(`${error.code}, ${error.remoteCode}: ${error.message}`);
}

let sum = 0;
for await (const { square } of client.stream('rows', { count: 100 })) sum += square;
console.log(`100 rows, sum ${sum}`);

await client.close();
