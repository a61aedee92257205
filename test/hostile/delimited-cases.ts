/**
 * What a peer may say on node-ipc's wire, hostile or merely strange, and what has to follow from it.
 *
 * Invariant: a case with a code and without `stays` is one after which the frame boundaries are gone.
 */

export interface Case {
  readonly name: string;
  readonly bytes: Buffer;
  /** What the one 'error' event carries, without its prefix; none when the bytes are legal. */
  readonly code?: string | undefined;
  /** The peer is not cut. */
  readonly stays: boolean;
  /** The peer closes its direction behind the bytes. */
  readonly ends?: boolean | undefined;
  /** How many messages named `msg` reach their handler. */
  readonly delivered?: number | undefined;
}

/** Largest message of the server under test. */
export const MESSAGE_MAX: number = 1024 * 1024;

function cut(code: string, texts: readonly (string | Buffer)[]): Case[] {
  return texts.map((text) => ({ name: show(text), bytes: Buffer.from(text), code, stays: false }));
}

function legal(delivered: number, texts: readonly (string | Buffer)[]): Case[] {
  return texts.map((text) => ({ name: show(text), bytes: Buffer.from(text), stays: true, delivered }));
}

function show(text: string | Buffer): string {
  const bytes = Buffer.from(text);
  return `${JSON.stringify(bytes.toString('latin1', 0, 50))}, ${bytes.length} bytes`;
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function message(data: string): string {
  return `{"type":"msg","data":${data}}\f`;
}

export const DELIMITED_CASES: readonly Case[] = [
  ...cut('INVALID_ENVELOPE', [
    '{}\f',
    '{"type":5}\f',
    '{"type":null}\f',
    '{"type":true,"data":1}\f',
    '{"type":["msg"]}\f',
    '{"type":{"toString":"msg"}}\f',
    '{"data":1}\f',
    '{"Type":"msg"}\f',
    '{"__proto__":{"type":"msg"}}\f',
    '[]\f',
    '["type"]\f',
    'null\f',
    '5\f',
    '"msg"\f',
    'true\f',
    `${message('1')}{}\f`,
  ]),
  ...cut('INVALID_JSON', [
    '\f',
    '\f\f\f',
    ' \f',
    'nope\f',
    '{"type":"msg"\f',
    '{"type":"msg"}}\f',
    '{"type":"msg"}{"type":"msg"}\f',
    "{'type':'msg'}\f",
    '{"type":"msg","data":NaN}\f',
    '{"type":"msg","data":undefined}\f',
    '{"type":"msg",}\f',
    '{"type":"a\nb"}\f',
    '\0\f',
    '\ufeff{"type":"msg"}\f',
    hex('fffe 7b00 0c'),
    hex('16030100 a5010000 a10303 0c'),
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n\f',
    hex('00000000 00000000 0c'),
    hex('53f50100 00000001 0c'),
  ]),
  ...cut('TOO_DEEP', [
    message(`${'['.repeat(64)}${']'.repeat(64)}`),
    message('['.repeat(200_000)),
    '['.repeat(129) + '\f',
    message(`${'{"a":'.repeat(64)}1${'}'.repeat(64)}`),
  ]),
  ...cut('FRAME_TOO_LARGE', [
    'a'.repeat(MESSAGE_MAX + 100),
    message(`"${'a'.repeat(MESSAGE_MAX)}"`),
    Buffer.alloc(MESSAGE_MAX + 100),
  ]),
  ...[message('1').slice(0, -1), '{', '{"type":"msg","da'].map((text) => {
    return {
      name: `${show(text)} and the end`,
      bytes: Buffer.from(text),
      code: 'TRUNCATED',
      stays: false,
      ends: true,
    };
  }),
  ...legal(1, [
    message('1'),
    '{"type":"msg"}\f',
    ' \t\n{ "data" : {} , "type" : "msg" }\r\n\f',
    '{"type":"x","type":"msg"}\f',
    '{"type":"msg","data":null,"extra":[1]}\f',
    message('1e400'),
    message('"\\ud800"'),
    message('"\\u0000\\f"'),
    message('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
    message('{"id":{"toString":1}}'),
    message('{"id":"somebody else"}'),
    message(`${'['.repeat(63)}${']'.repeat(63)}`),
    Buffer.concat([Buffer.from('{"type":"msg","data":"'), hex('ff c0af eda080'), Buffer.from('"}\f')]),
  ]),
  ...legal(0, [
    '{"type":"__proto__","data":1}\f',
    '{"type":"constructor","data":1}\f',
    '{"type":"prototype"}\f',
    '{"type":"toString"}\f',
    '{"type":"hasOwnProperty","data":{}}\f',
    '{"type":""}\f',
    '{"type":"*","data":"msg"}\f',
    '{"type":"newListener","data":1}\f',
    '{"type":"start"}\f{"type":"connect"}\f{"type":"drain"}\f{"type":"data"}\f',
    `{"type":"${'n'.repeat(100_000)}"}\f`,
  ]),
];
