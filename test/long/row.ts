/**
 * What a long row is: a count to reach, in steps that stand alone, so that a run can stop behind each and go on later.
 */

export interface Work {
  /** Number of the first unit of this step, from 0; with the seed it decides what is drawn. */
  readonly first: number;
  readonly count: number;
  readonly seed: number;
  /** Of this run; the caller removes it. */
  readonly folder: string;
}

/** What was measured. Of several steps the largest is kept. */
export type Figures = Readonly<Record<string, number>>;

export interface LongRow {
  readonly id: string;
  readonly what: string;
  readonly unit: string;
  /** Units of the whole row. */
  readonly goal: number;
  /** Units of one step, of a minute at most. */
  readonly step: number;
  /** Why it cannot run here. */
  readonly missing?: () => string | undefined;
  /** @throws what is wrong */
  readonly run: (work: Work) => Promise<Figures>;
}
