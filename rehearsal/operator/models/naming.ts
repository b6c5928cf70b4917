import type { IndexOf } from '../../../testkit/couchbase/member.ts';

/** Reads the number in names like `<cluster><between><number>`, with `after` behind it. */
export function numberedAs(between: string, after = /^$/): IndexOf {
  return (cluster, pod) => {
    const prefix = `${cluster}${between}`;
    if (!pod.startsWith(prefix)) return undefined;
    const [, digits, rest = ''] = /^(\d+)(.*)$/.exec(pod.slice(prefix.length)) ?? [];
    return digits === undefined || !after.test(rest) ? undefined : Number(digits);
  };
}
