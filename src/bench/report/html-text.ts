/**
 * Text that comes from anywhere, in HTML: in elements, in attributes, in the data of a script.
 *
 * Invariant: what comes out is text wherever it is put; it ends no attribute, no element and no script.
 */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** For elements and quoted attributes, on one line. */
export function htmlText(plain: string): string {
  return plain.replaceAll(/\s+/g, ' ').replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** JSON for a script element: without `<` nothing in it can be an end tag or a comment. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

/** A program for a script element: `</script` occurs only in strings and patterns, where a backslash changes nothing. */
export function scriptText(program: string): string {
  return program.replaceAll(/<\/(?=script)/gi, '<\\/').replaceAll('<!--', '<\\!--');
}
