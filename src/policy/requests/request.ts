import type { MarkedPod } from '../profiles/mark.ts';

/** A change of one place of an object, as JSON Patch has it (RFC 6902). */
export interface PatchOperation {
  readonly op: 'add';
  readonly path: string;
  readonly value: unknown;
}

/** Whether the object asks for the move of a pod. */
export type Asked =
  /** It does not, and may be asked. */
  | { readonly kind: 'no' }
  /** It does. `isDone`: the operator has answered, and the pod has not left yet. */
  | { readonly kind: 'yes'; readonly since?: number; readonly isDone?: true }
  /** Something else comes first, or it cannot be asked. `why`: for people, after the name of the object. */
  | { readonly kind: 'not now'; readonly why: string };

/**
 * How a request is written on an object. This is the place for operators that data cannot describe: a new one is a file in this
 * folder, and a line in `index.ts`. All of it is pure; looks and writes are the same for all.
 */
export interface RequestForm {
  /** The labels of the pod that it looks at. */
  readonly labelKeys: readonly string[];
  /** What the raw object says of the pod. */
  read(object: unknown, pod: MarkedPod, now: number): Asked;
  /** What asks for the move of the pod. The write names the version of the object that was read. */
  write(object: unknown, pod: MarkedPod, now: number): readonly PatchOperation[];
}

/** What the object has to say before it is asked; otherwise the request would lie there until somebody changes that. */
export interface Precondition {
  readonly path: readonly string[];
  /** What the field must be; `null`: it must not be there. */
  readonly is?: string | null;
  /** What the field must not be. */
  readonly isNot?: string;
  /** What is wrong otherwise: one word in PascalCase. */
  readonly word: string;
}

/** A request that is an annotation of the object. */
export interface AnnotationRequest {
  readonly key: string;
  /** It is a label, and no annotation. */
  readonly isLabel?: true;
  /** With the placeholders of marks. */
  readonly value: string;
  /** The field in which the operator repeats the value once it has done what was asked; absent: it removes the annotation. */
  readonly doneAt?: readonly string[];
}

/** The object in the pod's namespace on which a profile asks for moves, instead of on the pod. */
export interface RequestObject {
  /** For people. */
  readonly kind: string;
  readonly group: string;
  readonly plural: string;
  /** The label of a pod that has the object's name. */
  readonly label: string;
  readonly onlyIf: readonly Precondition[];
  /** An annotation of it, or a form that data cannot describe, by its name in `index.ts`. */
  readonly form: AnnotationRequest | { readonly name: string };
}

/** What a live read found, with what would ask for the move of the pod. */
export interface Target {
  readonly kind: string;
  readonly name: string;
  readonly asked: Asked;
  readonly path: string;
  readonly resourceVersion: string;
  readonly changes: readonly PatchOperation[];
}
