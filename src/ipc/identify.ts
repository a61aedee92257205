/**
 * A message whose data has an `id` names its sender from then on. It proves nothing.
 */
export function identify(sender: { id?: string | number }, data: unknown): void {
  if (typeof data !== 'object' || data === null) return;
  const { id } = data as { id?: unknown };
  if ((typeof id === 'string' && id !== '') || (typeof id === 'number' && id !== 0)) sender.id = id;
}
