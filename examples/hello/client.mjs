// node examples/hello/client.mjs [address]
import { connect } from 'ringwire';

const client = await connect(process.argv[2] ?? 'ipc://world');
client.on('message', async (text) => {
  console.log(text); // hello world!
  await client.close();
});
client.send('message', 'hello');
