/** What is wrong with a text as XML, as far as an SVG can be wrong; undefined when nothing is. */
export function xmlFault(xml: string): string | undefined {
  const open: string[] = [];
  const body = xml.replaceAll(/<!\[CDATA\[[^]*?\]\]>/g, '');
  let end = 0;
  for (const tag of body.matchAll(/<(\/?)([a-zA-Z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g)) {
    const between = body.slice(end, tag.index);
    if (/<|&(?!(?:amp|lt|gt|quot|apos|#\d+);)/.test(`${between}${tag[3]}`))
      return `markup in ${between}${tag[3]}`;
    if (open.length === 0 && between.trim() !== '') return `text outside: ${between}`;
    end = tag.index + tag[0].length;
    if (tag[1] === '/') {
      if (open.pop() !== tag[2]) return `</${tag[2]}> closes something else`;
    } else if (tag[4] !== '/') open.push(tag[2] ?? '');
  }
  if (body.slice(end).trim() !== '') return `the rest is no markup: ${body.slice(end, end + 100)}`;
  return open.length === 0 ? undefined : `<${open.join('> <')}> stay open`;
}
