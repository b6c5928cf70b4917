import type { ApiClient } from '../../src/kube/client.ts';
import type { Drainer } from '../drainers/drainer.ts';
import type { Figure, ScenarioTitle } from '../evidence/record.ts';
import type { OperatorModel } from '../operator/model.ts';
import type { Rule, ScenarioSeen } from './checks.ts';
import type { Play } from './play.ts';
import type { Outcome, Rehearsal } from './rehearsal.ts';

/** What happens in a rehearsal: what stands there, what the script does, and what must hold afterwards. */
export interface Scenario extends ScenarioTitle {
  /** Worker nodes of a cluster that is started for it. Default 3. */
  readonly nodes?: number;
  /** Members of the stand-in cluster. Default 3. */
  readonly members?: number;
  /** Only of a Couchbase cluster; every other operator has one process. */
  readonly process?: 'in-place' | 'swap';
  /** The hook is started with its profile. Default: that of Couchbase, and a hook with the settings of one operator. */
  readonly model?: OperatorModel;
  /** All members stand on one node when it begins. */
  readonly isPacked?: boolean;
  /** How many members the operator moves at a time. Default 1. */
  readonly atOnce?: number;
  /** How long anything that has to come about may take. Default: a minute and ten periods of the operator. */
  readonly patienceMs?: number;
  /** A drainer is ended after that. Default: as long as a drain may take. */
  readonly drainWithinMs?: number;
  /** Settings of a hook that is started for it. */
  readonly hookEnv?: Readonly<Record<string, string>>;
  /** Default: that of the venue. */
  readonly drainer?: (client: ApiClient) => Drainer;
  /** The lines also say how the members start, and which watch has trouble. Default false. */
  readonly isVerbose?: boolean;
  /** With which profiles it may be played. Absent: with none, only with Couchbase's operator and a hook without PROFILES. */
  readonly fits?: (model: OperatorModel) => boolean;
  /** `ends` for one of these profiles. */
  readonly endsFor?: (model: OperatorModel) => string;
  readonly script: (play: Play) => Promise<void>;
  readonly rules: readonly Rule[];
  /** Default: those of every scenario in the catalog. */
  readonly figures?: (seen: ScenarioSeen) => readonly Figure[];
}

/** A drain that somebody else runs, under pods of somebody else: it is watched, and nothing is created. */
export interface Observation extends ScenarioTitle {
  /** As in a scenario. */
  readonly isVerbose?: boolean;
  readonly observe: (rehearsal: Rehearsal) => Promise<Outcome>;
}

export const titleOf = ({ name, title, about, ends }: ScenarioTitle): ScenarioTitle => ({
  name,
  title,
  about,
  ...(ends === undefined ? {} : { ends }),
});
