import type { Rule } from '../decision.ts';

/** Rule 4: the drainer names another instance than the one that is there. It must look again; nothing is written. */
export const otherInstance: Rule = ({ request, pod }) => {
  if (pod === undefined || request.uid === undefined || request.uid === pod.uid) return undefined;
  const message = `The UID in the precondition (${request.uid}) is not the UID of the pod (${pod.uid})`;
  return { kind: 'deny', rule: '4', reason: 'OtherInstance', code: 409, message };
};
