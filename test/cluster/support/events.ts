import type { Scene } from './scene.ts';

export interface SeenEvent {
  readonly reason: string;
  readonly type: string;
  readonly message: string;
  readonly count: number;
  readonly involvedObject: { readonly kind: string; readonly name: string; readonly uid: string };
}

/** The hook's own Events in the namespace of a scene. */
export async function eventsOf({ rig, namespace }: Scene): Promise<SeenEvent[]> {
  const list = await rig.client.json({ method: 'GET', path: `/api/v1/namespaces/${namespace}/events` });
  const all = list.items as readonly (SeenEvent & { source?: { component?: string } })[];
  return all.filter(({ source }) => source?.component === 'reschedule-hook');
}
