/**
 * What all sessions of an instance keep together, and who was refused a message because of it: those have nothing of their own whose acknowledgement
 * would tell them that there is room again.
 *
 * Invariant: whoever was refused is told once there is room, unless it has left.
 */
export class KeptBytes {
  bytes = 0;
  bytesMax: number;
  #refused = new Set<{ settle(): void }>();

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get isFull(): boolean {
    return this.bytes >= this.bytesMax;
  }

  refuse(session: { settle(): void }): void {
    this.#refused.add(session);
  }

  hasRefused(session: { settle(): void }): boolean {
    return this.#refused.has(session);
  }

  leave(session: { settle(): void }): void {
    this.#refused.delete(session);
  }

  /** Something was acknowledged or given up. */
  settle(): void {
    if (this.#refused.size === 0 || this.isFull) return;
    const refused = this.#refused;
    this.#refused = new Set();
    for (const session of refused) session.settle();
  }
}
