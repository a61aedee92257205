/**
 * The program's own code inside of the receive loop: what it throws is no fault of the peer, and no reason to lose the messages behind it.
 */

/** The error reaches 'uncaughtException' as any other, after this turn. */
export function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

export function callSafely(call: () => void): void {
  try {
    call();
  } catch (error) {
    rethrowLater(error);
  }
}
