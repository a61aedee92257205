// What both sides agree on. In TypeScript `typed<...>()` says what is sent, and every call below is checked by the compiler.
import { defineProtocol, typed } from 'ringwire';

export const protocol = defineProtocol({
  events: {
    progress: { id: 1, schema: typed() },
    thumbnail: { id: 2, codec: 'raw', schema: typed() },
  },
  requests: {
    resize: { id: 3, input: typed(), output: typed() },
    rows: { id: 4, input: typed(), items: typed() },
  },
});
