/**
 * How events fan out to handlers, with the rules that node-ipc programs know: `on('*')` hears everything first, handlers
 * added during a dispatch still run in it, calls chain. It never interprets a name: `__proto__` is a name like any other.
 *
 * Invariant: a list only ever grows in place, anything else makes a new one; every change moves `version`. A running dispatch therefore
 * sees additions, and skips removals by their mark.
 */

// `never[]` lets people register handlers with the parameters they expect.
export type Handler = (...args: never[]) => void;
type AnyHandler = (...args: unknown[]) => void;

interface Listener {
  readonly handler: AnyHandler;
  readonly once: boolean;
  removed: boolean;
}

/** The key under which `list` shows the handlers of `'*'`, as event-pubsub does. */
const ALL: symbol = Symbol.for('event-pubsub-all');
const WILDCARD = '*';

/** The handlers of one name, remembered by a connection so that a frame needs no lookup by string. */
export class Slot {
  readonly name: string;
  version = -1;
  /** Set when this one handler is all there is to call. */
  only: AnyHandler | undefined = undefined;

  constructor(name: string) {
    this.name = name;
  }
}

/** Where a connection hands its messages to: an emitter, or something that stands before one. */
export interface Publisher {
  publishTo(slot: Slot, data: unknown, origin: unknown): void;
}

export class Emitter implements Publisher {
  #listeners = new Map<string, Listener[]>();
  #version = 0;

  /** Calls the handler for each message or event of the name, `'*'`: of every name, with the name first. */
  on(type: string, handler: Handler): this {
    return this.#add(type, handler, false);
  }

  /** As `on`, one time. */
  once(type: string, handler: Handler): this {
    return this.#add(type, handler, true);
  }

  /** The same as `on`. */
  addListener(type: string, handler: Handler): this {
    return this.#add(type, handler, false);
  }

  /** The same as `off`. */
  removeListener(type: string, handler: Handler): this {
    return this.off(type, handler);
  }

  /** As `on`, before those that are there. */
  prependListener(type: string, handler: Handler): this {
    const listener = newListener(type, handler, false);
    this.#replace(type, [listener, ...(this.#listeners.get(type) ?? [])]);
    return this;
  }

  /** `off()` drops the wildcard handlers, `off(type)` all of a type, `off(type, handler)` every copy of one handler. */
  off(type: string = WILDCARD, handler: Handler | '*' = '*'): this {
    checkType(type);
    if (handler !== '*') checkHandler(handler);
    const listeners = this.#listeners.get(type);
    if (listeners === undefined) return this;
    const kept: Listener[] = [];
    for (const listener of listeners) {
      if (handler === '*' || listener.handler === handler) listener.removed = true;
      else kept.push(listener);
    }
    if (kept.length < listeners.length) this.#replace(type, kept);
    return this;
  }

  /** Drops every handler of every name. */
  reset(): this {
    for (const type of this.#listeners.keys()) this.off(type);
    return this;
  }

  /** Handlers of the name, without those of every name. */
  listenerCount(type: string): number {
    checkType(type);
    return this.#listeners.get(type)?.length ?? 0;
  }

  /** A snapshot: name to handlers; the wildcard handlers stand under a symbol. */
  get list(): Record<string | symbol, AnyHandler[]> {
    const list = Object.create(null) as Record<string | symbol, AnyHandler[]>;
    for (const [type, listeners] of this.#listeners) {
      list[type === WILDCARD ? ALL : type] = listeners.map((each) => each.handler);
    }
    return list;
  }

  /** Calls the handlers of `type` in this process. Nothing is sent. */
  publish(type: string, ...args: unknown[]): this {
    checkType(type);
    const wildcards = this.#listeners.get(WILDCARD);
    if (wildcards !== undefined) this.#run(wildcards, WILDCARD, 0, [type, ...args]);
    const listeners = type === WILDCARD ? undefined : this.#listeners.get(type);
    if (listeners !== undefined) this.#run(listeners, type, 0, args);
    return this;
  }

  /**
   * `publish` for a received message: no lookup by name, and nothing allocated while a single handler listens.
   * `origin` is handed on as the second argument unless it is undefined.
   */
  publishTo(slot: Slot, data: unknown, origin: unknown): void {
    if (slot.version !== this.#version) this.#refresh(slot);
    const { only, version } = slot;
    if (only === undefined) {
      this.publish(slot.name, ...argumentsOf(data, origin));
      return;
    }
    if (origin === undefined) only(data);
    else only(data, origin);
    if (version !== this.#version) this.#runAdded(slot.name, data, origin);
  }

  #refresh(slot: Slot): void {
    slot.version = this.#version;
    const listeners = this.#listeners.get(slot.name);
    const first = listeners?.[0];
    const isOnly = listeners?.length === 1 && first?.once === false && !this.#listeners.has(WILDCARD);
    slot.only = isOnly ? first?.handler : undefined;
  }

  /** The only handler added others: they belong to the dispatch that is under way. */
  #runAdded(type: string, data: unknown, origin: unknown): void {
    const listeners = this.#listeners.get(type);
    if (listeners !== undefined && listeners.length > 1)
      this.#run(listeners, type, 1, argumentsOf(data, origin));
  }

  #add(type: string, handler: Handler, once: boolean): this {
    const listener = newListener(type, handler, once);
    const listeners = this.#listeners.get(type);
    if (listeners === undefined) this.#replace(type, [listener]);
    else {
      listeners.push(listener);
      this.#version++;
    }
    return this;
  }

  #replace(type: string, listeners: Listener[]): void {
    this.#version++;
    if (listeners.length === 0) this.#listeners.delete(type);
    else this.#listeners.set(type, listeners);
  }

  #run(listeners: Listener[], type: string, from: number, args: unknown[]): void {
    for (let at = from; at < listeners.length; at++) {
      const listener = listeners[at] as Listener;
      if (listener.removed) continue;
      if (listener.once) {
        listener.removed = true;
        const current = this.#listeners.get(type) ?? [];
        this.#replace(
          type,
          current.filter((each) => each !== listener),
        );
      }
      listener.handler(...args);
    }
  }
}

function newListener(type: string, handler: Handler, once: boolean): Listener {
  checkType(type);
  checkHandler(handler);
  return { handler: handler as AnyHandler, once, removed: false };
}

function argumentsOf(data: unknown, origin: unknown): unknown[] {
  return origin === undefined ? [data] : [data, origin];
}

function checkType(type: unknown): void {
  if (typeof type !== 'string') throw new TypeError(`an event type must be a string, not ${typeof type}`);
}

function checkHandler(handler: unknown): void {
  if (typeof handler !== 'function')
    throw new TypeError(`a handler must be a function, not ${typeof handler}`);
}
