/**
 * The page that GitHub shows of a run of a workflow: it is a file that commands append Markdown to.
 */
import fs from 'node:fs';

/** Does nothing outside of a workflow. */
export function writeSummary(subcommand: string, markdown: string): void {
  const summary = process.env['GITHUB_STEP_SUMMARY'];
  if (summary !== undefined && summary !== '')
    fs.appendFileSync(summary, `### ringwire bench ${subcommand}\n\n${markdown}\n`);
}
