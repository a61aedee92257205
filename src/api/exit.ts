/**
 * What is sent and followed by `process.exit` in one turn still leaves: the end of the tick, when messages are written, would never come.
 */

/** @returns what takes the hook away */
export function flushAtExit(flush: () => void): () => void {
  process.setMaxListeners(process.getMaxListeners() + 1);
  process.on('exit', flush);
  return () => {
    process.off('exit', flush);
    process.setMaxListeners(process.getMaxListeners() - 1);
  };
}
