import type { OperatorModel } from '../model.ts';
import { AEROSPIKE } from './aerospike.ts';
import { ARANGODB_REPLACE, ARANGODB_ROTATE } from './arangodb.ts';
import { COUCHBASE } from './couchbase.ts';
import { ES_OPERATOR } from './es-operator.ts';
import { STRIMZI_CONNECT, STRIMZI_KAFKA } from './strimzi.ts';

/** One for each built-in profile, in the order of the profiles. */
export const MODELS: readonly OperatorModel[] = [
  COUCHBASE,
  STRIMZI_KAFKA,
  STRIMZI_CONNECT,
  AEROSPIKE,
  ARANGODB_ROTATE,
  ARANGODB_REPLACE,
  ES_OPERATOR,
];
