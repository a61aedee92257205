/**
 * The chart library, when it is installed: beside ringwire or in the folder that the report was started in. It is never a dependency;
 * without it a report has tables only.
 *
 * Invariant: a drawn chart leaves nothing behind that keeps the process alive.
 */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { ChartOption } from './chart.ts';

export const ECHARTS = 'echarts@6.1.0';
/** The build for browsers, which also runs here: the page and the files are drawn by the same code. */
const LIBRARY = 'echarts/dist/echarts.min.js';

interface Instance {
  setOption(option: ChartOption): void;
  renderToSVGString(): string;
  dispose(): void;
}

interface Library {
  init(
    element: null,
    theme: null,
    settings: { renderer: 'svg'; ssr: true; width: number; height: number },
  ): Instance;
}

export interface Echarts {
  /** Its program, for a page. */
  readonly program: string;
  /** @returns an SVG document */
  draw(option: ChartOption, width: number, height: number): string;
}

/** @param places files or URLs whose folders, and those above, are searched */
export function loadEcharts(
  places: readonly string[] = [import.meta.url, path.join(process.cwd(), 'index.js')],
): Echarts | undefined {
  for (const place of places) {
    const require = createRequire(place);
    let file: string;
    try {
      file = require.resolve(LIBRARY);
    } catch {
      continue;
    }
    const library = require(file) as Library;
    return {
      program: fs.readFileSync(file, 'utf8'),
      draw: (option, width, height) => draw(library, option, width, height),
    };
  }
  return undefined;
}

function draw(library: Library, option: ChartOption, width: number, height: number): string {
  const chart = library.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption(option);
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}
