/** What the fast writers take for plain data; everything else goes the general way. */

const OBJECT: object = Object.prototype;
const ARRAY: object = Array.prototype;
const EMPTY: object = {};

/** An object that writes as its own enumerable keys and nothing else decides. */
export function isPlainObject(value: object): boolean {
  return Object.getPrototypeOf(value) === OBJECT && (value as { toJSON?: unknown }).toJSON === undefined;
}

export function isPlainArray(value: readonly unknown[]): boolean {
  return Object.getPrototypeOf(value) === ARRAY && (value as { toJSON?: unknown }).toJSON === undefined;
}

/** Whether somebody has given all objects of the process an enumerable key. */
export function isPolluted(): boolean {
  for (const _ in EMPTY) return true;
  return false;
}
