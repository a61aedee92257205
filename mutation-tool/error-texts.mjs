/**
 * Texts of errors are for people and may be worded anew at any time, so they are not mutated; their codes are.
 *
 * What is left out: the text of `new SomeError(code, text)` and of the functions that make such an error.
 */
import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

/** Which argument of these functions, all of src, is text for people. */
const TEXT_PLACES = { badControl: 0, invalid: 0, tooMany: 0, tooDeep: 0 };

function textPlace(node) {
  if (node.type === 'NewExpression' && node.callee.name?.endsWith('Error')) return 1;
  return node.type === 'CallExpression' ? TEXT_PLACES[node.callee.name] : undefined;
}

function shouldIgnore({ node, parent }) {
  if (node.type !== 'StringLiteral' && node.type !== 'TemplateLiteral') return undefined;
  const place = parent === undefined || parent === null ? undefined : textPlace(parent);
  return place !== undefined && parent.arguments[place] === node ? 'the text of an error' : undefined;
}

export const strykerPlugins = [declareValuePlugin(PluginKind.Ignore, 'error-texts', { shouldIgnore })];
