import type { DrainerModel } from '../model.ts';
import { AUTOSCALERS } from './autoscalers.ts';
import { CLUSTER_API_DRAINERS } from './cluster-api.ts';
import { GARDENER_DRAINERS } from './gardener.ts';
import { LIBRARY_DRAINERS } from './kubectl.ts';
import { MANAGED } from './managed.ts';
import { OTHERS } from './others.ts';

/** Every drainer but kubectl itself, which needs no model where there is one. */
export const DRAINERS: readonly DrainerModel[] = [
  ...LIBRARY_DRAINERS,
  ...CLUSTER_API_DRAINERS,
  ...GARDENER_DRAINERS,
  ...AUTOSCALERS,
  ...MANAGED,
  ...OTHERS,
];
