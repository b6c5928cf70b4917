import { COUCHBASE } from './operator/models/couchbase.ts';
import { modelsNamed } from './operator/models/index.ts';
import type { Options } from './options.ts';
import { forModel, scenariosNamed } from './scenarios/catalog.ts';
import { observation } from './scenarios/observation/observation.ts';
import { oneDrain, oneDrainElsewhere } from './scenarios/one-drain.ts';
import type { Observation, Scenario } from './scenarios/scenario.ts';
import type { HookProgram } from './usage.ts';
import { existingCluster } from './venues/existing-cluster/existing-cluster.ts';
import { observedCluster } from './venues/existing-cluster/observed-cluster.ts';
import { newCluster, periodIn } from './venues/new-cluster.ts';
import type { Venue } from './venues/venue.ts';

/** In a cluster that exists already. */
const ELSEWHERE_PERIOD_MS = 1_000;

/** Which scenarios the options ask for: those of the catalog by name, or one that the options describe. */
export function scenariosFor(options: Options): readonly (Scenario | Observation)[] {
  const { scenario, profile, cluster } = options;
  if (cluster?.observe) return [observation(cluster.context)];
  if (cluster !== undefined) {
    const { nodes, context } = cluster;
    return [oneDrainElsewhere({ ...options, nodes, context, periodMs: options.periodMs ?? ELSEWHERE_PERIOD_MS })];
  }
  const models = profile === undefined ? [undefined] : modelsNamed(profile);
  if (scenario !== undefined) return models.flatMap((model) => forModel(scenariosNamed(scenario), model));
  return models.map((model) => {
    const periodMs = periodIn(options, model ?? COUCHBASE);
    return oneDrain({ ...options, periodMs, ...(model === undefined ? {} : { model }) });
  });
}

/** What a cluster that exists needs to know of the person and of their machine. */
export interface Person {
  readonly env: NodeJS.ProcessEnv;
  /** Undefined: nobody can be asked. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined;
  /** How long an installed hook has to answer the first request. Default 20 s. */
  readonly answerWithinMs?: number;
  /** What is started as the hook. Default: that of this checkout. */
  readonly hookProgram?: HookProgram;
}

/** Where the options want it to take place. */
export function venueFor(options: Options, person: Person): Venue {
  const { cluster, periodMs = ELSEWHERE_PERIOD_MS } = options;
  if (cluster === undefined) return newCluster({ ...options, ...person.hookProgram });
  return cluster.observe ? observedCluster(cluster, person.env) : existingCluster({ ...cluster, ...person, periodMs });
}
