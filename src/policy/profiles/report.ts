/** How an operator reports on a pod that it may go now: by an annotation with any value, or by conditions of its status. */
export type Report =
  | { readonly annotation: string }
  | {
      /** All of these have to be True, and none of the others. */
      readonly conditions: readonly string[];
      readonly not: readonly string[];
    };

/** The parts of a pod that a report can be on. */
export interface Reporting {
  readonly annotations?: Readonly<Record<string, string>> | null | undefined;
  readonly conditions?: readonly { readonly type?: string; readonly status?: string }[] | null | undefined;
}

/** Whether the operator reports that the pod may go. */
export function isReported(report: Report, { annotations, conditions }: Reporting): boolean {
  if ('annotation' in report) return annotations != null && Object.hasOwn(annotations, report.annotation);
  const isTrue = (wanted: string) =>
    conditions?.some(({ type, status }) => type === wanted && status === 'True') ?? false;
  return report.conditions.every(isTrue) && !report.not.some(isTrue);
}

const NOT = '!';

/** Reads such as `Drained` and `!Busy`. */
export function readConditions(texts: readonly string[]): Report {
  return {
    conditions: texts.filter((text) => !text.startsWith(NOT)),
    not: texts.filter((text) => text.startsWith(NOT)).map((text) => text.slice(NOT.length)),
  };
}

/** As `readConditions` reads it. */
export function formatConditions({ conditions, not }: Extract<Report, { conditions: unknown }>): string[] {
  return [...conditions, ...not.map((type) => `${NOT}${type}`)];
}

/** For people. */
export function describeReport(report: Report): string {
  if ('annotation' in report) return `annotation ${report.annotation}`;
  const { conditions, not } = report;
  return `conditions ${conditions.join(', ')}${not.length === 0 ? '' : ` without ${not.join(', ')}`}`;
}
