/**
 * The structure of JSON text before JSON.parse sees it: nesting, elements and keys. Most text is too short, or has too few brackets
 * and commas, to break a bound; only what is left is read character by character. It does not say whether the text is JSON.
 *
 * Invariant: JSON passes exactly when it is within the limits.
 */
import { FAMILIAR_BYTES_MAX } from '../limits.ts';
import { tooDeep, tooMany, type ValueLimits } from './value-limits.ts';

/** Fewest characters of an element (`0,`), and of a key with its value (`"":0,`). */
const ELEMENT_LENGTH_MIN = 2;
const KEY_LENGTH_MIN = 5;

const OPENING = /[[{]/g;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/** Text up to this size cannot have too many elements or keys. */
export function familiarBytesMax({ elementsMax, keysMax }: ValueLimits): number {
  return Math.min(FAMILIAR_BYTES_MAX, ELEMENT_LENGTH_MIN * elementsMax, KEY_LENGTH_MIN * keysMax);
}

/** @throws MessageError ERR_RINGWIRE_TOO_DEEP, ERR_RINGWIRE_TOO_MANY_ELEMENTS */
export function checkJson(text: string, limits: ValueLimits): void {
  const { depthMax, elementsMax, keysMax } = limits;
  // A level needs two brackets, so short text needs no look.
  if (
    (text.length > 2 * depthMax && hasOpenings(text, depthMax)) ||
    (text.length > ELEMENT_LENGTH_MIN * elementsMax && mayHaveElements(text, elementsMax)) ||
    (text.length > KEY_LENGTH_MIN * keysMax && has(text, ':', keysMax))
  ) {
    count(text, limits);
  }
}

/** Every element stands behind a comma, a colon or a bracket. */
function mayHaveElements(text: string, most: number): boolean {
  const third = most / 3;
  return has(text, ',', third) || has(text, ':', third) || hasOpenings(text, third);
}

/** Whether there are more than `most` brackets that open, strings included. */
function hasOpenings(text: string, most: number): boolean {
  let openings = 0;
  OPENING.lastIndex = 0;
  while (OPENING.test(text)) if (++openings > most) return true;
  return false;
}

/** Whether `mark` occurs more than `most` times, strings included. */
function has(text: string, mark: string, most: number): boolean {
  let marks = 0;
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) if (++marks > most) return true;
  return false;
}

/** Outside of strings a colon stands between a key and its value, both elements, and a bracket opens with a first one unless it closes. */
function count(text: string, limits: ValueLimits): void {
  let depth = 0;
  let elements = 0;
  let keys = 0;
  let opened = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= SPACE) continue;
    const closes = code === 0x5d || code === 0x7d;
    if (code === COMMA || code === COLON || (opened && !closes)) elements++;
    opened = code === 0x5b || code === 0x7b;
    if (code === QUOTE) at = stringEnd(text, at + 1);
    else if (opened) depth++;
    else if (closes) depth--;
    else if (code === COLON) keys++;
    if (depth > limits.depthMax) throw tooDeep('JSON', limits.depthMax);
    if (keys > limits.keysMax) throw tooMany('keys', limits.keysMax);
    if (elements > limits.elementsMax) throw tooMany('elements', limits.elementsMax);
  }
}

/** Where the string that goes on at `from` ends. */
function stringEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}
