/**
 * One process of a measurement of how long a connect takes; it prints a JSON line. `serve <path>`: a server that answers, until it is ended.
 * `ask <path> <times>`: milliseconds of each connect up to its first answer.
 */
import { connect, listen } from '../../src/index.ts';

const [role, where = '', times = '1'] = process.argv.slice(2);

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

if (role === 'serve') {
  const server = await listen(`unix:${where}`);
  server.handle('echo', (input) => input);
  print({ listening: true });
} else {
  const taken: number[] = [];
  for (let time = 0; time < Number(times); time++) {
    const start = performance.now();
    const client = await connect(`unix:${where}`);
    const answer = await client.request('echo', time);
    taken.push(performance.now() - start);
    if (answer !== time) throw new Error('another answer');
    await client.close();
  }
  print({ taken });
}
