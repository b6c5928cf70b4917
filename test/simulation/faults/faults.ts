import type { Fault } from './fault.ts';
import { FAULTS_OF_ANSWERS } from './faults-answers.ts';
import { FAULTS_OF_MEMORY } from './faults-memory.ts';
import { FAULTS_OF_PROFILES } from './faults-profiles.ts';

export const FAULTS: readonly Fault[] = [...FAULTS_OF_ANSWERS, ...FAULTS_OF_MEMORY, ...FAULTS_OF_PROFILES];
