/**
 * What the script of the HTML page is given, and the little that it needs of a browser: the types of Node, with which ringwire is compiled,
 * have no documents.
 *
 * Invariant: names and meanings are those of the DOM standard and of echarts.
 */
import type { Chart, ChartOption } from './chart.ts';

/** A chart as data. */
export interface PageChart extends Pick<Chart, 'id' | 'series' | 'valueAxis' | 'scales' | 'scale'> {
  readonly light: ChartOption;
  readonly dark: ChartOption;
}

export interface PageElement {
  textContent: string;
  hidden: boolean;
  className: string;
  readonly dataset: Readonly<Record<string, string | undefined>>;
  readonly style: { background: string };
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
  setAttribute(name: string, value: string): void;
  getAttribute(name: string): string | null;
  append(...nodes: readonly (PageElement | string)[]): void;
  addEventListener(type: string, listener: () => void): void;
}

export interface PageInput extends PageElement {
  type: string;
  value: string;
  checked: boolean;
}

export interface PageDocument {
  createElement(name: 'input'): PageInput;
  createElement(name: string): PageElement;
  getElementById(id: string): PageElement | null;
  querySelector(selector: string): PageElement | null;
}

export interface PageMedia {
  readonly matches: boolean;
  addEventListener(type: 'change', listener: () => void): void;
}

export interface PageWindow {
  readonly echarts?: {
    init(element: PageElement, theme: null, settings: { renderer: 'svg' }): PageInstance;
  };
  readonly ResizeObserver: new (listener: () => void) => { observe(element: PageElement): void };
  matchMedia(query: string): PageMedia;
}

export interface PageInstance {
  setOption(option: ChartOption, settings: { notMerge: true }): void;
  resize(): void;
}
