/**
 * One line for each mutant that no test noticed, as soon as it is known, and for each that was given up because it took too long: a machine that
 * stands still for a while makes more of these.
 */
import path from 'node:path';
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin';

const TOLD = ['Survived', 'NoCoverage', 'Timeout'];

class Missed {
  onMutantTested({ fileName, location, mutatorName, replacement, status }) {
    if (!TOLD.includes(status)) return;
    const { line, column } = location.start;
    const place = `${path.relative(process.cwd(), path.resolve(fileName))}:${line}:${column}`;
    process.stdout.write(`${place} ${status} ${mutatorName}: ${replacement.replaceAll(/\s+/g, ' ')}\n`);
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.Reporter, 'missed', Missed)];
