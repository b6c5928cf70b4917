/** A custom resource that may say why its operator does not move a pod now. */
export interface HindranceSource {
  /** For people. */
  readonly kind: string;
  readonly group: string;
  readonly plural: string;
  /** The label of a pod that has the resource's name. The resource is in the pod's namespace. */
  readonly label: string;
  /** The first that applies counts. */
  readonly reports: readonly HindranceReport[];
}

/** What it means that a field of the resource has that value. */
export interface HindranceReport {
  /** The way to the field. In a list, a step names the element with this `type`, and its `status` counts. */
  readonly path: readonly string[];
  readonly is: string;
  /** One word in PascalCase, for metrics. */
  readonly word: string;
}

/** What a custom resource reports now. */
export interface Reported {
  readonly kind: string;
  readonly name: string;
  readonly word: string;
}

const STEP = /([^.[\]]+)|\[([^[\]]+)\]/y;

/** Reads such as `status.conditions[Ready]` or `metadata.annotations[example.com/paused]`; undefined if it is no path. */
export function readPath(text: string): readonly string[] | undefined {
  const steps: string[] = [];
  STEP.lastIndex = 0;
  for (let at = 0; at < text.length; at = STEP.lastIndex) {
    STEP.lastIndex = text[at] === '.' && steps.length > 0 ? at + 1 : at;
    const found = STEP.exec(text);
    const step = found?.[1] ?? found?.[2];
    if (step === undefined) return undefined;
    steps.push(step);
  }
  return steps.length === 0 ? undefined : steps;
}

/** As `readPath` reads it. */
export function formatPath(path: readonly string[]): string {
  return path.map((step, i) => (/[./[\]]/.test(step) ? `[${step}]` : `${i === 0 ? '' : '.'}${step}`)).join('');
}

/** The word of the first report that applies to the raw object; undefined if none does. */
export function wordFor(object: unknown, reports: readonly HindranceReport[]): string | undefined {
  return reports.find(({ path, is }) => valueAt(object, path) === is)?.word;
}

/** The text, number or boolean at that place of the raw object, as text; undefined if there is none. */
export function valueAt(object: unknown, path: readonly string[]): string | undefined {
  const found = path.reduce(stepInto, object);
  const value = stepInto(found, 'status') ?? found;
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined;
}

function stepInto(value: unknown, step: string): unknown {
  if (Array.isArray(value)) return value.find((one) => !Array.isArray(one) && stepInto(one, 'type') === step);
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[step];
}
