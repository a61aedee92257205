/**
 * The style of the HTML page: light and dark by what the reader prefers, readable on a phone.
 *
 * Invariant: it loads nothing.
 */

export const PAGE_STYLE: string = `
:root {
  color-scheme: light dark;
  --background: #ffffff; --text: #1f2328; --faint: #59636e; --line: #d1d9e0; --head: #f6f8fa; --accent: #0072b2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --background: #0d1117; --text: #e6edf3; --faint: #9198a1; --line: #3d444d; --head: #161b22; --accent: #56b4e9;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 64rem; background: var(--background); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif;
}
h1 { margin: 0; font-size: 1.6rem; }
h2 { margin: 2.5rem 0 0.5rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--line); font-size: 1.3rem; }
header p, .lead { margin: 0.25rem 0; color: var(--faint); }
nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; margin: 0.75rem 0; padding: 0; list-style: none; }
a { color: var(--accent); }
figure { margin: 1.5rem 0; }
figcaption { font-weight: 600; overflow-wrap: anywhere; }
.controls { margin: 0.25rem 0; font-size: 0.875rem; }
.controls label, .controls fieldset { display: inline-block; margin: 0 0.75rem 0.25rem 0; }
.controls fieldset { padding: 0; border: 0; }
.controls legend { position: absolute; clip-path: inset(50%); }
.swatch { display: inline-block; width: 0.75em; height: 0.75em; border-radius: 2px; }
.plot { width: 100%; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { width: 100%; border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
caption { padding: 0.5rem; text-align: left; color: var(--faint); }
th, td { padding: 0.3rem 0.6rem; border-top: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child { text-align: left; font-weight: 400; }
thead th { background: var(--head); }
thead button { padding: 0; border: 0; background: none; color: inherit; font: inherit; font-weight: 600; cursor: pointer; }
thead button::after { content: ' \\2195'; color: var(--faint); }
th[aria-sort='ascending'] button::after { content: ' \\2191'; color: inherit; }
th[aria-sort='descending'] button::after { content: ' \\2193'; color: inherit; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
input[type='search'] {
  width: 100%; max-width: 24rem; padding: 0.4rem 0.6rem; border: 1px solid var(--faint); border-radius: 6px;
  background: var(--background); color: var(--text); font: inherit;
}
.filter { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem; margin: 0.75rem 0; }
`;
