import type { LogLine } from '../../testkit/log-lines.ts';
import type { PodView } from '../../testkit/pods.ts';
import type { Annotation } from '../operator/model.ts';
import type { OperatorEvent } from '../operator/operator-options.ts';
import { ofHook, ofOperator, ofPod } from './happenings.ts';
import { HistoryKeeper } from './history.ts';
import type { PodChange } from './pod-watch.ts';
import { Recorder } from './recorder.ts';
import { type Happening, Timeline } from './timeline.ts';
import { refusalsIn } from './verdict.ts';
import { KubectlLines } from './without-hook-log/kubectl-lines.ts';
import { recordMark } from './without-hook-log/marked-pods.ts';

export interface EvidenceOptions {
  /** The namespace of the rehearsal; undefined: the pods of all namespaces are watched. */
  readonly namespace: string | undefined;
  readonly annotation: Annotation | undefined;
  readonly clusterOf: (pod: PodView) => string | undefined;
  /** False: nobody reads the log of the hook, and what it does is seen elsewhere. */
  readonly hasHookLog: boolean;
  /** Trouble of the watches is in the timeline, too. */
  readonly isVerbose: boolean;
  readonly write: (line: string) => void;
}

/** Gathers what everybody does, and passes it to the record, the history and the timeline. */
export class Evidence {
  readonly recorder: Recorder;
  readonly history: HistoryKeeper;
  readonly timeline: Timeline;
  readonly #options: EvidenceOptions;
  readonly #kubectl: KubectlLines;
  readonly #hookLines: LogLine[] = [];
  #started: { readonly iso: string; readonly at: number } | undefined;

  constructor(options: EvidenceOptions) {
    const { namespace, clusterOf, write } = options;
    this.#options = options;
    this.recorder = new Recorder({ monotonicNow, clusterOf });
    this.history = new HistoryKeeper({ namespace, monotonicNow, now: () => Date.now() });
    const onHappening = (happening: Happening) => this.recorder.happened(happening);
    this.timeline = new Timeline({ monotonicNow, write, onHappening });
    this.#kubectl = new KubectlLines(this.recorder, this.history);
  }

  /** From here on the time counts. What was before is the beginning, and is not in the timeline. */
  start(): void {
    this.timeline.start();
    this.recorder.start();
    this.#started = { iso: new Date().toISOString(), at: this.now };
  }

  /** In ISO 8601. */
  get startedAt(): string {
    return this.#started?.iso ?? new Date().toISOString();
  }

  /** On the clock of `now`. */
  get startedAtMs(): number {
    return this.#started?.at ?? this.now;
  }

  /** The clock of the history, the recorder and the operator. */
  get now(): number {
    return monotonicNow();
  }

  /** What the hook has logged since the start. */
  get hookLines(): readonly LogLine[] {
    return this.#hookLines;
  }

  /** How many evictions the hook has refused: by its log, or as kubectl says. */
  get refusals(): number {
    const { namespace, hasHookLog } = this.#options;
    return hasHookLog ? refusalsIn(this.#hookLines, namespace) : this.#kubectl.refusals;
  }

  hookLine(line: LogLine): void {
    if (this.#started !== undefined) this.#hookLines.push(line);
    this.recorder.hookLine(line);
    this.history.hookLine(line);
    this.#add(ofHook(line, this.#options.namespace));
  }

  operatorEvent(event: OperatorEvent): void {
    if (this.#started !== undefined) this.#add(ofOperator(event));
  }

  podSeen(pod: PodView, before: PodView | undefined): void {
    const { hasHookLog, annotation } = this.#options;
    if (!hasHookLog && annotation !== undefined) recordMark(pod, before, annotation, this);
  }

  podChanged(change: PodChange, pod: PodView): void {
    this.recorder.pod(change, pod);
    this.history.pod(change, pod);
    if (this.#started !== undefined) this.#add(ofPod(change, pod));
  }

  nodeSeen(name: string, isCordoned: boolean, isDraining: boolean): void {
    this.recorder.node(name, isCordoned);
    this.history.node(name, isDraining);
  }

  watchTrouble(message: string, { error }: Record<string, unknown>): void {
    if (this.#options.isVerbose) this.timeline.add({ who: 'cluster', what: message, detail: String(error) });
  }

  /** A line of a drainer. */
  drainerLine(voice: string, line: string): void {
    if (!this.#options.hasHookLog) this.#kubectl.line(line);
    this.timeline.add({ who: voice, what: line });
  }

  /** A drain has ended without an error. */
  drained(): void {
    if (!this.#options.hasHookLog) this.#kubectl.drained();
  }

  #add(happening: Happening | undefined): void {
    if (happening !== undefined) this.timeline.add(happening);
  }
}

const monotonicNow = () => performance.now();
