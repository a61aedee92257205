/**
 * Names in C: which ones a schema may use as they are, how constants are spelled, and that no two things get the same one.
 *
 * Invariant: a name that was taken is neither a keyword of C or C++ nor the name of anything else in the header.
 */
import { badSchema } from '../codecs/struct/definition.ts';

const KEYWORDS: ReadonlySet<string> = new Set(
  (
    'alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t class compl const const_cast constexpr ' +
    'continue decltype default delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline int long ' +
    'mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast restrict return ' +
    'short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try typedef typeid typename ' +
    'typeof union unsigned using virtual void volatile wchar_t while xor xor_eq'
  ).split(' '),
);

/** @throws RingwireError ERR_RINGWIRE_BAD_SCHEMA for a keyword of C or C++ */
export function checkWord(what: string, name: string): void {
  if (KEYWORDS.has(name)) throw badSchema(`${what} cannot be called ${name} in C or C++`);
}

/** `lastSeen` and `last.seen` become `LAST_SEEN`. */
export function constantName(name: string): string {
  const words = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').replaceAll(/[^A-Za-z0-9]+/g, '_');
  return words.toUpperCase();
}

/** A text as it stands between quotes in C. */
export function literal(text: string): string {
  let escaped = '';
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte < 0x7f && !'"\\?'.includes(String.fromCharCode(byte));
    // Octal ends after three digits; hexadecimal would go on into the next letter.
    escaped += isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return `"${escaped}"`;
}

/** The names of everything that is visible outside of a struct. */
export class Names {
  readonly #taken = new Set<string>();

  /** @throws RingwireError ERR_RINGWIRE_BAD_SCHEMA */
  take(name: string): string {
    checkWord('something', name);
    if (this.#taken.has(name)) throw badSchema(`two things would be called ${name} in C`);
    this.#taken.add(name);
    return name;
  }
}
