import type { OperatorModel } from '../../../rehearsal/operator/model.ts';
import { COUCHBASE } from '../../../rehearsal/operator/models/couchbase.ts';
import { TIDB_PD, TIDB_TIKV } from '../../../rehearsal/operator/models/tidb.ts';
import type { Recipe } from './recipe.ts';

/** Who moves the members. */
export const MODELS: Readonly<Record<Recipe['operator'], OperatorModel>> = {
  couchbase: COUCHBASE,
  'tidb-v1-tikv': TIDB_TIKV,
  'tidb-v1-pd': TIDB_PD,
};
