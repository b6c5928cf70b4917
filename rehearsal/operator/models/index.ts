import { UsageError } from '../../../src/command-line.ts';
import type { OperatorModel } from '../model.ts';
import { AEROSPIKE } from './aerospike.ts';
import { ARANGODB_REPLACE, ARANGODB_ROTATE } from './arangodb.ts';
import { COUCHBASE } from './couchbase.ts';
import { ES_OPERATOR } from './es-operator.ts';
import { FOUNDATIONDB, FOUNDATIONDB_TAINTS } from './foundationdb.ts';
import { PGO_PRIMARY } from './pgo.ts';
import { SLURM_NODESET } from './slurm.ts';
import { STRIMZI_CONNECT, STRIMZI_KAFKA } from './strimzi.ts';
import { TIDB_PD, TIDB_TIDB, TIDB_TIKV } from './tidb.ts';
import { VITESS_TABLET } from './vitess.ts';

/** One for each built-in profile, in the order of the profiles. */
export const MODELS: readonly OperatorModel[] = [
  COUCHBASE,
  STRIMZI_KAFKA,
  STRIMZI_CONNECT,
  TIDB_TIKV,
  TIDB_PD,
  TIDB_TIDB,
  AEROSPIKE,
  ARANGODB_ROTATE,
  ARANGODB_REPLACE,
  VITESS_TABLET,
  SLURM_NODESET,
  PGO_PRIMARY,
  FOUNDATIONDB,
  FOUNDATIONDB_TAINTS,
  ES_OPERATOR,
];

/** The models of those profiles, which commas separate; all of them for `all`. Throws a UsageError that lists the wrong names. */
export function modelsNamed(names: string): readonly OperatorModel[] {
  if (names === 'all') return MODELS;
  const wanted = [...new Set(names.split(','))];
  const wrong = wanted.filter((name) => !MODELS.some(({ profile }) => profile === name));
  if (wrong.length === 0) return wanted.flatMap((name) => MODELS.filter(({ profile }) => profile === name));
  const list = wrong.map((name) => `"${name}"`).join(', ');
  throw new UsageError(`there is no profile ${list}; there are ${MODELS.map(({ profile }) => profile).join(', ')}`);
}
