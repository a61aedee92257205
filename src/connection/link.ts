/**
 * What a connection asks of the session that it carries, and what happens where there is none: messages are sent at most once, and the
 * frames of sessions are faults.
 *
 * Invariant: without a session nothing is kept and nothing waits.
 */
import { badControl } from '../frames/control.ts';
import type { Frame } from '../frames/frame.ts';

/** What was accepted and is not acknowledged. */
export interface Unacknowledged {
  readonly messages: number;
  readonly bytes: number;
}

export const NOTHING_KEPT: Unacknowledged = { messages: 0, bytes: 0 };

export interface Link {
  /** What is sent is kept, whether the connection stands or not. */
  readonly keeps: boolean;
  readonly unacknowledged: Unacknowledged;
  /** Both sides have said hello. @param agreed called when messages may flow */
  greeted(agreed: () => void): void;
  /** A frame of an event is about to be handled. @throws FrameError ERR_RINGWIRE_BAD_CONTROL before both sides have agreed */
  counted(isMessage: boolean): void;
  /** A control frame that belongs to sessions. @throws FrameError ERR_RINGWIRE_BAD_CONTROL */
  control(kind: number, frame: Frame): void;
  /** The peer goes, for no bad reason. */
  heardGoodbye(): void;
  /** @param done called when nothing waits for the peer's acknowledgement any more */
  finish(done: () => void): void;
  /** This side goes. */
  sayLast(): void;
  /** The connection ends. */
  leave(): void;
  /** @returns those of the bytes that were not sent which nobody keeps */
  lost(unsentBytes: number): number;
}

export const NO_LINK: Link = {
  keeps: false,
  unacknowledged: NOTHING_KEPT,
  greeted: (agreed) => agreed(),
  counted: () => undefined,
  control: (kind) => {
    throw badControl(`a control frame of kind ${kind}, and this side offered no session`);
  },
  heardGoodbye: () => undefined,
  finish: (done) => done(),
  sayLast: () => undefined,
  leave: () => undefined,
  lost: (unsentBytes) => unsentBytes,
};
