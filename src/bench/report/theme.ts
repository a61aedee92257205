/**
 * Colours of the charts, light and dark. Hues are those of Okabe and Ito, which people with any colour vision can tell apart; lines also
 * differ in their symbols.
 *
 * Invariant: ringwire's contestants never look like the others: strong blues and greens against thin, broken lines and grey bars.
 */

export interface Theme {
  readonly name: 'light' | 'dark';
  readonly background: string;
  readonly text: string;
  readonly faint: string;
  readonly grid: string;
  /** Of bars. */
  readonly kinds: Readonly<Record<Kind, string>>;
  /** Of lines, by `placeOf`. */
  readonly lines: Readonly<Record<Kind, readonly string[]>>;
}

/** Whose contestant it is: a reference is the bare floor or the ceiling in C. */
export type Kind = 'ringwire' | 'reference' | 'other';

export const KINDS: readonly Kind[] = ['ringwire', 'reference', 'other'];
export const KIND_TITLES: Readonly<Record<Kind, string>> = {
  ringwire: 'ringwire',
  reference: 'bare sockets, C',
  other: 'others',
};

/** Each has its own colour in all charts. */
const KNOWN: Readonly<Record<Kind, readonly string[]>> = {
  ringwire: [
    'raw-frame',
    'raw-view',
    'raw-copy',
    'json',
    'msgpack',
    'drop-in',
    'to-c',
    'from-c',
    'raw',
    'modern-raw',
    'modern-msgpack',
    'requests',
    'struct',
    'from-c-struct',
    'from-c-msgpack',
    'raw-frame-16K',
    'raw-frame-single',
    // Rows of bench/figures.ts that no contestant measures.
    'ringwire',
  ],
  reference: ['net', 'c'],
  other: ['node-ipc', 'ndjson', 'ws', 'zeromq', 'child-json', 'child-advanced', 'vscode-jsonrpc', 'by-hand'],
};

export function kindOf(contestant: string): Kind {
  return KINDS.find((kind) => KNOWN[kind].includes(contestant)) ?? 'other';
}

/** Its place among the colours and symbols of its kind. Those that nobody knows get places of their own by what they are called. */
export function placeOf(contestant: string): number {
  const known = KNOWN[kindOf(contestant)].indexOf(contestant);
  return known >= 0 ? known : Array.from(contestant).reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
}

export const LIGHT: Theme = {
  name: 'light',
  background: '#ffffff',
  text: '#1f2328',
  faint: '#59636e',
  grid: '#e1e4e8',
  kinds: { ringwire: '#0072b2', reference: '#d55e00', other: '#8c959f' },
  lines: {
    ringwire: [
      '#0072b2',
      '#009e73',
      '#2f9bd8',
      '#5b3fa8',
      '#00707a',
      '#6a9a1f',
      '#1b3f8b',
      '#35b58a',
      '#0072b2',
      '#4a7fb5',
      '#0b8f5a',
      '#7a5cc9',
    ],
    reference: ['#d55e00', '#8f3f00'],
    other: ['#6e7781', '#b5579a', '#9a7500', '#444c56', '#8250df', '#a0522d', '#3f6f5f'],
  },
};

export const DARK: Theme = {
  name: 'dark',
  background: '#0d1117',
  text: '#e6edf3',
  faint: '#9198a1',
  grid: '#2a313a',
  kinds: { ringwire: '#56b4e9', reference: '#f0883e', other: '#7d8590' },
  lines: {
    ringwire: [
      '#56b4e9',
      '#2fc79a',
      '#a5d8f6',
      '#a78bfa',
      '#38c6d4',
      '#b5d65c',
      '#6f9bff',
      '#8ce0c4',
      '#56b4e9',
      '#7fa8ff',
      '#58d68d',
      '#c3a6ff',
    ],
    reference: ['#f0883e', '#ffb77a'],
    other: ['#9198a1', '#e08cc4', '#e6c229', '#c9d1d9', '#b692f6', '#d8a07a', '#9ccfb8'],
  },
};

export const THEMES: readonly Theme[] = [LIGHT, DARK];
