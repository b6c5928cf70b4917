import { valueAt } from '../profiles/hindrance.ts';
import { isMadeFor, labelsIn, markValue } from '../profiles/mark.ts';
import type { AnnotationRequest, Asked, RequestForm } from './request.ts';
import { writtenAt } from './written-at.ts';

/** For how long a request that is done may take to show on the pod, before the hook asks again. */
export const SHOWS_WITHIN_MS = 5 * 60_000;

/** An annotation of the object. A value that the operator has not answered yet is never overwritten. */
export function annotationForm(request: AnnotationRequest): RequestForm {
  const { key, value: template } = request;
  return {
    labelKeys: labelsIn(template),
    read(object, pod, now) {
      const value = annotationsOf(object)?.[key];
      if (value === undefined) return { kind: 'no' };
      if (isMadeFor(template, value, pod)) return ownRequest(request, object, now);
      return isDone(request, object)
        ? { kind: 'no' }
        : { kind: 'not now', why: `has a request of somebody else in ${key}` };
    },
    write(object, pod, now) {
      const value = markValue(template, pod, now);
      if (annotationsOf(object) === undefined) {
        return [{ op: 'add', path: '/metadata/annotations', value: { [key]: value } }];
      }
      return [{ op: 'add', path: `/metadata/annotations/${escapeStep(key)}`, value }];
    },
  };
}

/** One that is done shows on the pod soon. If it does not, the pod has come into the same role again, and is asked for again. */
function ownRequest(request: AnnotationRequest, object: unknown, now: number): Asked {
  const since = writtenAt(object, ['metadata', 'annotations', request.key]);
  const known = since === undefined ? {} : { since };
  if (!isDone(request, object)) return { kind: 'yes', ...known };
  const isRecent = since !== undefined && now - since <= SHOWS_WITHIN_MS;
  return isRecent ? { kind: 'yes', since, isDone: true } : { kind: 'no' };
}

function isDone({ key, doneAt }: AnnotationRequest, object: unknown): boolean {
  return doneAt !== undefined && valueAt(object, doneAt) === annotationsOf(object)?.[key];
}

const escapeStep = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1');

function annotationsOf(object: unknown): Readonly<Record<string, string>> | undefined {
  const { metadata } = object as {
    readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> | null };
  };
  return metadata?.annotations ?? undefined;
}
