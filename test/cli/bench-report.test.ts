/**
 * `ringwire bench report` as people call it: files are written where they are wanted, and hold what was measured.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeResults, type Row } from '../../src/bench/results.ts';
import { xmlFault } from '../support/markup.ts';
import { projectRoot } from '../support/project.ts';
import { CONTESTANTS, exampleHistory, exampleResults } from '../support/results.ts';
import { file, folder, type Outcome, removeFolder, ringwire, ringwireEach } from './support.ts';

after(removeFolder);

const wanted = (id: string): boolean => /^(?:unix|tls)\/[^/]+\/(?:64B|sensor)\//.test(id);
const example = exampleResults({ wanted });
const results = file('results.json', example);
const few = file(
  'few.json',
  exampleResults({ wanted: (id) => /^unix\/(?:ws|net|json)\/64B\/one-way$/.test(id) }),
);

/** All of it is drawn once, for the tests that look at its parts. */
const whole = path.join(folder, 'whole');
before(() => {
  fs.mkdirSync(whole);
  const markdown = file('whole/README.md', '# Title\n\n<!-- bench -->\nold\n<!-- /bench -->\n\nEnd.');
  report(results, '--markdown', markdown, '--html', path.join(whole, 'page.html'));
});

/** Everything that could be taken for markup by somebody on the way. */
const HOSTILE = [
  `unix/<img src=x onerror=alert(1)>"'|&\`]]>/64B/one-way`,
  'unix/{b|bold} {a} ${x}/64B/one-way',
  '</script><script>alert(1)</script><!-- /bench -->',
];

function hostileRow(id: string, unit: string): Row {
  return { id, unit, better: 'higher', samples: [1, 2] };
}

/** From the thirteenth day on. */
function slower(_id: string, day: number): number {
  return day >= 12 ? 0.7 : 1;
}

function report(...args: readonly string[]): void {
  const { code, out, err } = ringwire(['bench', 'report', ...args]);
  assert.equal(code, 0, err);
  assert.equal(out, '');
}

function read(...names: readonly string[]): string {
  return fs.readFileSync(path.join(folder, ...names), 'utf8');
}

/** The page without the chart library, which is not ours. */
function ownPart(page: string): string {
  const start = page.indexOf('<script>');
  return `${page.slice(0, start)}${page.slice(page.indexOf('</script>', start))}`;
}

describe('Markdown', () => {
  test('the report stands between the markers, the rest stays', () => {
    const once = read('whole', 'README.md');
    assert.match(
      once,
      /^# Title\n\n<!-- bench -->\nExample CPU, 2 cores; Linux 6\.1; Node v24\.0\.0; 2026-11-01\n/,
    );
    assert.match(once, /\n<!-- \/bench -->\n\nEnd\.$/);
    assert.doesNotMatch(once, /old/);
    for (const title of ['One-way throughput', 'Fan-out and fan-in', 'Latency', 'Costs']) {
      assert.equal(once.split(`\n### ${title}\n`).length, 2, title);
    }
    assert.match(
      once,
      /\n\| raw-frame \| 1\d\.\d M\/s \| 1\d\.\d M\/s to 1\d\.\d M\/s \| 0\.3\d+ \| 1\.\d+ \| 8 \|\n/,
    );
    assert.match(once, /\n\| contestant \| p50 \| p90 \| p99 \| p99\.9 \| max \|\n/);
    assert.match(once, /\n\| contestant \| receiver-cpu \| gc \| syscalls \|\n/);
  });

  test('a file without markers, or no file, gets them; again and again it is the same', () => {
    const plain = file('plain.md', 'Words.\n');
    report(few, '--markdown', plain);
    const once = read('plain.md');
    assert.match(once, /^Words\.\n\n<!-- bench -->\n[^]*<!-- \/bench -->\n$/);
    report(few, '--markdown', plain);
    assert.equal(read('plain.md'), once);
    report(
      few,
      '--markdown',
      path.join(folder, 'new', 'R.md'),
      '--charts',
      path.join(folder, 'new', 'pictures x'),
    );
    assert.match(read('new', 'R.md'), /^<!-- bench -->\n[^]*<!-- \/bench -->\n$/);
    assert.match(read('new', 'R.md'), /src="pictures%20x\/rate-unix-64B-one-way\.light\.svg"/);
  });

  test('half a pair of markers is refused, and nothing is written', () => {
    for (const [text, message] of [
      ['<!-- bench -->\nold', 'has <!-- bench --> but no <!-- /bench --> behind it'],
      ['<!-- /bench -->\nold', 'has <!-- /bench --> but no <!-- bench --> before it'],
      ['<!-- /bench -->\n<!-- bench -->\nold', 'has <!-- bench --> but no <!-- /bench --> behind it'],
    ] as const) {
      const markdown = file('half.md', text);
      const { code, err } = ringwire(['bench', 'report', results, '--markdown', markdown]);
      assert.equal(code, 2);
      assert.ok(err.includes(message) && err.includes('ERR_RINGWIRE_BENCH_FILE'), err);
      assert.equal(read('half.md'), text);
    }
  });
});

describe('charts', () => {
  test('every picture is there in light and dark, well formed, with every contestant and its figure', () => {
    const markdown = read('whole', 'README.md');
    const sources = Array.from(markdown.matchAll(/(?:src|srcset)="([^"]+)"/g), ([, source]) => source ?? '');
    assert.deepEqual(
      new Set(sources),
      new Set(fs.readdirSync(path.join(whole, 'charts')).map((name) => `charts/${name}`)),
    );
    assert.ok(sources.length >= 20);
    for (const source of sources) assert.equal(xmlFault(read('whole', source)), undefined, source);
    for (const theme of ['light', 'dark']) {
      const bars = read('whole', 'charts', `rate-unix-64B-one-way.${theme}.svg`);
      const lines = read('whole', 'charts', `latency-unix-64B-echo.${theme}.svg`);
      for (const name of CONTESTANTS) {
        assert.ok(bars.includes(`>${name}</text>`), name);
        assert.ok(lines.includes(`>${name}</text>`), name);
        const [, figure] =
          new RegExp(`one-way, best first: .*?\\b${name} (\\S+(?: [kM]/s)?)[,.]`).exec(markdown) ?? [];
        assert.ok(figure !== undefined && bars.includes(`>${figure}</text>`), `${name}: ${figure}`);
      }
    }
    assert.match(read('whole', 'charts', 'rate-unix-64B-one-way.dark.svg'), /fill="#0d1117"/);
    assert.match(read('whole', 'charts', 'rate-unix-64B-one-way.light.svg'), /fill="#ffffff"/);
  });

  test('a history has its own, with what has changed', () => {
    const entries = exampleHistory(20, slower, (id) => id.startsWith('unix/raw-frame/64B/one-way'));
    const history = file('h.ndjson', entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    report(few, '--markdown', path.join(folder, 'history.md'), '--history', history);
    assert.match(
      read('history.md'),
      /### History\n[^]*alt="unix, 64B, one-way: history, 20 results from 2026-09-01 to 2026-09-20: raw-frame [\d.]+ M\/s, changed x0\.\d\d on 2026-09-13\."/,
    );
    const chart = read('charts', 'history-unix-64B-one-way.light.svg');
    assert.equal(xmlFault(chart), undefined);
    assert.match(chart, />x 0\.\d\d<\/text>/);
  });
});

describe('HTML', () => {
  test('one page with every row, and nothing to load', () => {
    const page = read('whole', 'page.html');
    const own = ownPart(page);
    assert.ok(page.length - own.length > 500_000, 'the library is in the page');
    for (const { id } of example.rows)
      assert.ok(own.includes(`<th scope="row" data-value="${id}">${id}</th>`), id);
    assert.doesNotMatch(own, /https?:|\bsrc=|\bimport\b[^;]*from|url\(|<link/);
    assert.match(own, /default-src 'none'/);
    assert.equal(own.match(/<figure /g)?.length, own.match(/role="img" aria-label="[^"]{40,}"/g)?.length);
    assert.match(own, /<caption>.+<\/caption>/);
    assert.ok(own.includes('"name":"raw-frame"'), 'charts have their data');
  });

  test('what a result calls its rows is never markup', () => {
    const rows = ['<b>', 'messages/s'].flatMap((unit) => HOSTILE.map((id) => hostileRow(id, unit)));
    const hostile = makeResults(rows);
    const evil = { ...hostile, machine: { ...hostile.machine, cpu: '</p><script>alert(1)</script>' } };
    const markdown = path.join(folder, 'hostile.md');
    report(file('hostile.json', evil), '--html', path.join(folder, 'hostile.html'), '--markdown', markdown);
    const own = ownPart(read('hostile.html'));
    assert.equal(own.match(/<script/g)?.length, 2, 'the data and ours');
    assert.doesNotMatch(own, /<img|<b>|<script>alert/);
    assert.ok(own.includes('&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;!-- /bench --&gt;</th>'));
    const once = read('hostile.md');
    assert.doesNotMatch(once, /(?<!\\)<(?:img src=x|script|b>)/);
    for (const [, source = ''] of once.matchAll(/src="([^"]+)"/g)) {
      assert.equal(xmlFault(read(source)), undefined, source);
    }
    report(file('hostile.json', evil), '--markdown', markdown);
    assert.equal(read('hostile.md'), once, 'an id is no end marker');
  });
});

test('without the chart library: tables only, and what to install', () => {
  const alone = path.join(folder, 'alone');
  fs.cpSync(fileURLToPath(new URL('../../src', import.meta.url)), path.join(alone, 'src'), {
    recursive: true,
  });
  fs.writeFileSync(path.join(alone, 'package.json'), '{"type":"module"}');
  fs.mkdirSync(path.join(alone, 'node_modules'));
  fs.symlinkSync(
    path.join(projectRoot(), 'node_modules/msgpackr'),
    path.join(alone, 'node_modules/msgpackr'),
    'junction',
  );
  const { status, stderr } = spawnSync(
    process.execPath,
    ['src/cli/ringwire.js', 'bench', 'report', results, '--markdown', 'R.md', '--html', 'r.html'],
    { cwd: alone, encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  assert.match(
    stderr,
    /^tables only: charts need echarts, 'npm install --no-save echarts@6\.1\.0' installs it\nwrote /,
  );
  assert.ok(!fs.existsSync(path.join(alone, 'charts')));
  const markdown = read('alone', 'R.md');
  assert.doesNotMatch(markdown, /<picture>/);
  assert.match(markdown, /\| raw-frame \| 1\d\.\d M\/s \|/);
  const page = read('alone', 'r.html');
  assert.doesNotMatch(page, /<figure|<script>/);
  for (const { id } of example.rows) assert.ok(page.includes(`>${id}</th>`), id);
});

test('mistakes: one clear line, exit code 2', () => {
  const cases = [
    [[], 'one result file is needed'],
    [[results, results, '--html', 'x.html'], 'one result file is needed'],
    [[results], 'nothing to write: --markdown or --html is needed'],
    [[results, '--html', 'x.html', '--charts', 'x'], '--charts goes with --markdown'],
    [[path.join(folder, 'none.json'), '--html', 'x.html'], 'it cannot be read'],
    [[results, '--html', path.join(folder, 'x.html'), '--history', 'none.ndjson'], 'is no bench history'],
  ] as const;
  const outcomes = ringwireEach(cases.map(([args]) => ['bench', 'report', ...args]));
  for (const [at, [args, message]] of cases.entries()) {
    const { code, out, err } = outcomes[at] as Outcome;
    assert.equal(code, 2, args.join(' '));
    assert.equal(out, '');
    assert.ok(err.startsWith('ringwire: ') && err.includes(message), err);
  }
});
