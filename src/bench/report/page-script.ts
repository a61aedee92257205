/**
 * The script of the HTML page: draws the charts, with tooltips, a scale switch and series to show or hide; sorts and filters the table of
 * rows. It is a module without imports: its compiled text is put into the page.
 *
 * Invariant: without this script, and without the chart library, the table is complete and readable.
 */
import type { PageChart, PageDocument, PageElement, PageInput, PageWindow } from './page-types.ts';

declare const document: PageDocument;
declare const window: PageWindow;

function showCharts(): void {
  const { echarts } = window;
  if (echarts === undefined) return;
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const charts = JSON.parse(document.getElementById('charts')?.textContent ?? '[]') as PageChart[];
  for (const chart of charts) {
    const figure = document.getElementById(chart.id);
    const plot = figure?.querySelector('.plot');
    const controls = figure?.querySelector('.controls');
    if (!plot || !controls) continue;
    const instance = echarts.init(plot, null, { renderer: 'svg' });
    const selected: Record<string, boolean> = {};
    let { scale } = chart;
    const draw = (): void => {
      const option = dark.matches ? chart.dark : chart.light;
      const axis = { ...(option[chart.valueAxis] as object), ...chart.scales[scale] };
      instance.setOption(
        { ...option, [chart.valueAxis]: axis, legend: { show: false, selected } },
        { notMerge: true },
      );
    };
    addScaleSwitch(controls, scale === 'log', (log) => {
      scale = log ? 'log' : 'linear';
      draw();
    });
    const swatches = addLegend(controls, chart, (name, shown) => {
      selected[name] = shown;
      draw();
    });
    const paint = (): void => {
      for (const [index, swatch] of swatches.entries()) {
        swatch.style.background = chart.series[index]?.[dark.matches ? 'dark' : 'light'] ?? '';
      }
    };
    dark.addEventListener('change', () => {
      paint();
      draw();
    });
    paint();
    draw();
    new window.ResizeObserver(() => instance.resize()).observe(plot);
  }
}

function addScaleSwitch(controls: PageElement, log: boolean, change: (log: boolean) => void): void {
  const { label, box } = checkbox('logarithmic scale', log);
  box.addEventListener('change', () => change(box.checked));
  controls.append(label);
}

/** @returns the spots that show the colours */
function addLegend(
  controls: PageElement,
  { series }: PageChart,
  toggle: (name: string, shown: boolean) => void,
): PageElement[] {
  if (series.length < 2) return [];
  const legend = document.createElement('fieldset');
  const title = document.createElement('legend');
  title.textContent = 'Show';
  legend.append(title);
  controls.append(legend);
  return series.map(({ name }) => {
    const { label, box } = checkbox(name, true);
    const swatch = document.createElement('span');
    swatch.className = 'swatch';
    label.append(swatch);
    box.addEventListener('change', () => toggle(name, box.checked));
    legend.append(label);
    return swatch;
  });
}

function checkbox(text: string, checked: boolean): { label: PageElement; box: PageInput } {
  const label = document.createElement('label');
  const box = document.createElement('input');
  box.type = 'checkbox';
  box.checked = checked;
  label.append(box, ` ${text} `);
  return { label, box };
}

function makeSortable(table: PageElement): void {
  const body = table.querySelector('tbody');
  const heads = [...table.querySelectorAll('thead th')];
  for (const [column, head] of heads.entries()) {
    head.querySelector('button')?.addEventListener('click', () => {
      const descending = head.getAttribute('aria-sort') === 'ascending';
      for (const other of heads) other.setAttribute('aria-sort', 'none');
      head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      body?.append(...[...table.querySelectorAll('tbody tr')].toSorted(byColumn(column, descending)));
    });
  }
}

/** Numbers by value, words by letters; empty cells come last either way. */
function byColumn(column: number, descending: boolean): (a: PageElement, b: PageElement) => number {
  const key = (row: PageElement): string =>
    [...row.querySelectorAll('th, td')][column]?.dataset['value'] ?? '';
  return (a, b) => {
    const [one, other] = [key(a), key(b)];
    if (one === '' || other === '') return one === other ? 0 : one === '' ? 1 : -1;
    const difference = Number(one) - Number(other);
    const order = Number.isNaN(difference) ? one.localeCompare(other, 'en', { numeric: true }) : difference;
    return descending ? -order : order;
  };
}

function makeFilter(table: PageElement): void {
  const input = document.querySelector('#filter') as PageInput | null;
  const count = document.querySelector('#count');
  if (input === null || count === null) return;
  const rows = [...table.querySelectorAll('tbody tr')];
  const apply = (): void => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  };
  input.addEventListener('input', apply);
  apply();
}

const table = document.querySelector('#rows');
if (table !== null) {
  makeSortable(table);
  makeFilter(table);
}
showCharts();
