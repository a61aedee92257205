/**
 * What the id of a row says: `<transport>/<contestant>/<payload>/<shape>`, then perhaps `#<metric>`.
 *
 * Invariant: an id of another form has no name; it is still a row, and shown as it is.
 */

export interface RowName {
  readonly transport: string;
  readonly contestant: string;
  readonly payload: string;
  readonly shape: string;
  /** What is measured beside the rate: `p99`, `receiver-cpu` ... */
  readonly metric: string | undefined;
}

export function rowName(id: string): RowName | undefined {
  const [, transport, contestant, payload, shape, metric] =
    /^([^/#]+)\/([^/#]+)\/([^/#]+)\/([^/#]+)(?:#(.+))?$/.exec(id) ?? [];
  if (transport === undefined || contestant === undefined || payload === undefined || shape === undefined) {
    return undefined;
  }
  return { transport, contestant, payload, shape, metric };
}
