/**
 * A protocol with schemas of zod, valibot and arktype, as a program that installed them writes it: their types are those of the events and requests,
 * and with `validate` they check and transform what passes.
 *
 * Lines that must not compile are marked; a compiler that accepts one says so.
 */
import { type } from 'arktype';
import { connect, defineProtocol, listen } from 'ringwire';
import * as v from 'valibot';
import * as z from 'zod';

const protocol = defineProtocol({
  events: {
    zod: { id: 1, schema: z.object({ celsius: z.number().min(-273) }) },
    valibot: { id: 2, schema: v.object({ celsius: v.pipe(v.number(), v.minValue(-273)) }) },
    arktype: { id: 3, schema: type({ celsius: 'number >= -273' }) },
    done: { id: 4 },
  },
  requests: {
    add: { id: 5, input: z.object({ a: z.number(), b: z.coerce.number<string>() }), output: z.number() },
    half: { id: 6, input: v.object({ of: v.number() }), output: v.number() },
    rows: { id: 7, input: type({ count: 'number' }), items: type({ row: 'number' }) },
  },
});
const TEMPERATURES = ['zod', 'valibot', 'arktype'] as const;

const server = await listen({ port: 0 }, { protocol, validate: true });
const heard: string[] = [];
for (const name of TEMPERATURES)
  server.on(name, ({ celsius }) => heard.push(`${name} ${celsius.toFixed(1)}`));
server.handle('add', ({ a, b }) => a + b);
server.handle('half', ({ of }) => of / 2);
server.handle('rows', async function* ({ count }) {
  for (let row = 1; row <= count; row++) yield { row };
});

const client = await connect(server.address, { protocol, validate: true });
for (const name of TEMPERATURES) {
  client.send(name, { celsius: 20 });
  let code: unknown;
  try {
    client.send(name, { celsius: -300 });
  } catch (error) {
    ({ code } = error as { code: unknown });
  }
  heard.push(`${name} ${String(code)}`);
}
// @ts-expect-error zod: a temperature is a number
const wrongZod = (): boolean => client.send('zod', { celsius: 'warm' });
// @ts-expect-error valibot: a temperature is a number
const wrongValibot = (): boolean => client.send('valibot', { celsius: 'warm' });
// @ts-expect-error arktype: a temperature is a number
const wrongArktype = (): boolean => client.send('arktype', { celsius: 'warm' });

const sum: number = await client.request('add', { a: 1, b: '2' });
const half: number = await client.request('half', { of: 3 });
let rows = 0;
for await (const { row } of client.stream('rows', { count: 4 })) rows += row;
await client.close();
await server.close();

const seen = [...heard.sort(), sum, half, rows, wrongZod.length + wrongValibot.length + wrongArktype.length];
const expected = [
  'arktype 20.0',
  'arktype ERR_RINGWIRE_INVALID_DATA',
  'valibot 20.0',
  'valibot ERR_RINGWIRE_INVALID_DATA',
  'zod 20.0',
  'zod ERR_RINGWIRE_INVALID_DATA',
  3,
  1.5,
  10,
  0,
];
if (JSON.stringify(seen) !== JSON.stringify(expected)) throw new Error(`seen ${JSON.stringify(seen)}`);
console.log('ok');
