/** Adds one action to the table. */
export type Add = (weight: number, label: string, run: Action['run']) => void;

/** A possible next step. `run` returns false, and changes nothing, if the step is not possible now. */
export interface Action {
  readonly label: string;
  readonly weight: number;
  readonly run: () => boolean | Promise<boolean>;
  /** Whether code of the hook may continue because of it. */
  readonly wakes: boolean;
}
