// node examples/hello/server.mjs [address]
import { listen } from 'ringwire';

const server = await listen(process.argv[2] ?? 'ipc://world');
server.on('message', (text, peer) => {
  console.log(text);
  peer.send('message', `${text} world!`);
});
console.log(`listening on ${server.address}`);
