/**
 * Calls the C++ service: `node client.mjs PATH`. Numbers go out as the bytes of a Float64Array, which C++ reads in place.
 *
 * Invariant: answers come in the order of the questions.
 */
import ipc from 'ringwire';

const [path = '/tmp/cpp-service'] = process.argv.slice(2);
const questions = [[1, 2, 3.5], [], [0.1, 0.2], Array.from({ length: 1000 }, (_, index) => index)];

ipc.config.silent = true;
ipc.config.codec = 'raw';
ipc.config.events = { sum: 1, total: 2 };

ipc.connectTo('service', path, () => {
  const service = ipc.of.service;
  let answered = 0;
  service.on('connect', () => {
    for (const numbers of questions) service.emit('sum', Buffer.from(new Float64Array(numbers).buffer));
  });
  service.on('total', (bytes) => {
    console.log(`the sum of ${questions[answered].length} numbers is ${bytes.readDoubleLE(0)}`);
    if (++answered === questions.length) ipc.disconnect('service');
  });
  service.on('error', (error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
});
