/**
 * What is mutated, and which compiled tests judge it: those that see these files in their own process, quick ones. A group is one run with one
 * build; within it a mutant meets only the test files that reach it. Row T19 of RELIABILITY.md.
 */
export const groups = [
  {
    name: 'control',
    files: ['src/frames/control.ts', 'src/frames/header.ts'],
    tests: [
      'frames/header',
      'frames/control',
      'frames/layouts',
      'frames/length-prefixed-faults',
      'connection/binary-wire',
    ],
  },
  {
    name: 'length-prefixed',
    files: ['src/frames/length-prefixed.ts', 'src/bytes/carry.ts', 'src/bytes/receive-ring.ts'],
    tests: [
      'bytes/receive',
      'frames/memory',
      'frames/length-prefixed-faults',
      'frames/length-prefixed',
      'frames/length-prefixed-splits',
    ],
  },
  {
    name: 'delimited',
    files: ['src/frames/delimited.ts', 'src/frames/unframed.ts'],
    tests: [
      'frames/unframed',
      'frames/memory',
      'frames/delimited',
      'frames/delimited-reader',
      'frames/delimited-text',
      'connection/delimited-wire',
    ],
  },
  {
    name: 'datagram',
    files: ['src/frames/datagram.ts'],
    tests: ['frames/datagram-bounds', 'frames/datagram'],
  },
  {
    name: 'queues',
    files: [
      'src/connection/outbox.ts',
      'src/connection/send-window.ts',
      'src/connection/held-messages.ts',
      'src/bytes/packing.ts',
    ],
    tests: [
      'bytes/packing',
      'connection/held-messages',
      'connection/send-window',
      'connection/outbox-memory',
      'connection/outbox',
      'connection/outbox-bounds',
      'connection/slow-consumer',
    ],
  },
  {
    name: 'windows',
    files: ['src/connection/resend-window.ts', 'src/connection/sequence-window.ts', 'src/connection/turn.ts'],
    tests: ['connection/resend-window', 'connection/sequence-window', 'connection/turn'],
  },
  {
    name: 'checks',
    files: ['src/codecs/msgpack-check.ts', 'src/codecs/json-check.ts'],
    tests: ['codecs/checks', 'codecs/json', 'codecs/msgpack'],
  },
];
