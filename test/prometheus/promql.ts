import { parser } from '@prometheus-io/lezer-promql';

export interface Query {
  /** The piece that could not be parsed, with what is around it; undefined where all could. */
  readonly error?: string;
  /** The metrics that it selects, as they are called in it. */
  readonly metrics: readonly string[];
  /** Label names that are matched on or grouped by. */
  readonly labels: readonly string[];
}

/** Reads a PromQL expression with the grammar of Prometheus's own web interface. */
export function readQuery(expr: string): Query {
  const metrics: string[] = [];
  const labels: string[] = [];
  let error: string | undefined;
  parser.parse(expr).iterate({
    enter({ type, from, to }) {
      const text = expr.slice(from, to);
      if (type.isError) error ??= `${expr.slice(0, from)}>>>${expr.slice(from)}`;
      if (type.name === 'Identifier') metrics.push(text);
      if (type.name === 'LabelName') labels.push(text);
    },
  });
  return { metrics, labels, ...(error === undefined ? {} : { error }) };
}
