import type { Fault } from './fault.ts';
import { FAULTS_OF_ANSWERS } from './faults-answers.ts';
import { FAULTS_OF_MEMORY } from './faults-memory.ts';

export const FAULTS: readonly Fault[] = [...FAULTS_OF_ANSWERS, ...FAULTS_OF_MEMORY];
