import { valueAt } from '../profiles/hindrance.ts';
import { isMadeFor, labelsIn, markValue, placeOf } from '../profiles/mark.ts';
import type { AnnotationRequest, Asked, RequestForm } from './request.ts';
import { writtenAt } from './written-at.ts';

/** For how long a request that is done may take to show on the pod, before the hook asks again. */
export const SHOWS_WITHIN_MS = 5 * 60_000;

/** An annotation or a label of the object. A value that the operator has not answered yet is never overwritten. */
export function annotationForm(request: AnnotationRequest): RequestForm {
  const { key, value: template } = request;
  return {
    labelKeys: labelsIn(template),
    read(object, pod, now) {
      const value = carriedBy(request, object)?.[key];
      if (value === undefined) return { kind: 'no' };
      if (isMadeFor(template, value, pod)) return ownRequest(request, object, now);
      return isDone(request, object)
        ? { kind: 'no' }
        : { kind: 'not now', why: `has a request of somebody else in ${key}` };
    },
    write(object, pod, now) {
      const value = markValue(template, pod, now);
      const path = `/metadata/${placeOf(request)}`;
      if (carriedBy(request, object) === undefined) return [{ op: 'add', path, value: { [key]: value } }];
      return [{ op: 'add', path: `${path}/${escapeStep(key)}`, value }];
    },
  };
}

/** One that is done shows on the pod soon. If it does not, the pod has come into the same role again, and is asked for again. */
function ownRequest(request: AnnotationRequest, object: unknown, now: number): Asked {
  const since = writtenAt(object, ['metadata', placeOf(request), request.key]);
  const known = since === undefined ? {} : { since };
  if (!isDone(request, object)) return { kind: 'yes', ...known };
  const isRecent = since !== undefined && now - since <= SHOWS_WITHIN_MS;
  return isRecent ? { kind: 'yes', since, isDone: true } : { kind: 'no' };
}

function isDone(request: AnnotationRequest, object: unknown): boolean {
  const { key, doneAt } = request;
  return doneAt !== undefined && valueAt(object, doneAt) === carriedBy(request, object)?.[key];
}

const escapeStep = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1');

function carriedBy(request: AnnotationRequest, object: unknown): Texts | undefined {
  const { metadata } = object as { readonly metadata?: { readonly [K in 'labels' | 'annotations']?: Texts | null } };
  return metadata?.[placeOf(request)] ?? undefined;
}

type Texts = Readonly<Record<string, string>>;
