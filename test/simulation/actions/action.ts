/** Takes one action into the table. */
export type Add = (weight: number, label: string, run: Action['run']) => void;

/** Something that may happen next. `run` gives false, and has changed nothing, where it cannot happen now. */
export interface Action {
  readonly label: string;
  readonly weight: number;
  readonly run: () => boolean | Promise<boolean>;
  /** Whether code of the hook may go on because of it. */
  readonly wakes: boolean;
}
