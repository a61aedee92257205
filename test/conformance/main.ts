/**
 * `npm run conformance`: runs the conformance pack and writes docs/conformance.md. It ends with 1 when a case fails.
 */
import { writeReport } from './report.ts';

process.exitCode = (await writeReport()) === 0 ? 0 : 1;
