import { valueAt } from '../profiles/hindrance.ts';
import type { MarkedPod } from '../profiles/mark.ts';
import { annotationForm } from './annotation.ts';
import { processGroups } from './process-groups.ts';
import type { Asked, RequestForm, RequestObject, Target } from './request.ts';

/** The forms that data cannot describe, by the name that a profile has for them. */
export const REQUEST_FORMS = { 'fdb-process-groups': processGroups } as const satisfies Record<string, RequestForm>;

export type FormName = keyof typeof REQUEST_FORMS;

/** How a request is written on the object of a profile. */
export function formOf({ form }: Pick<RequestObject, 'form'>): RequestForm {
  return 'name' in form ? REQUEST_FORMS[form.name as FormName] : annotationForm(form);
}

/** What the raw object says of a request for the pod, and what would ask for its move. */
export function targetOf(
  { object, path }: { readonly object: unknown; readonly path: string },
  pod: MarkedPod,
  request: RequestObject,
  now: number,
): Target {
  const { metadata } = object as { readonly metadata?: { readonly name?: string; readonly resourceVersion?: string } };
  const asked = askedOf(object, pod, request, now);
  return {
    kind: request.kind,
    name: metadata?.name ?? '',
    asked,
    path,
    resourceVersion: metadata?.resourceVersion ?? '',
    changes: asked.kind === 'no' ? formOf(request).write(object, pod, now) : [],
  };
}

function askedOf(object: unknown, pod: MarkedPod, request: RequestObject, now: number): Asked {
  const asked = formOf(request).read(object, pod, now);
  if (asked.kind !== 'no') return asked;
  const unmet = request.onlyIf.find(({ path, is, isNot }) => {
    const value = valueAt(object, path) ?? null;
    return (is !== undefined && value !== is) || (isNot !== undefined && value === isNot);
  });
  return unmet === undefined ? asked : { kind: 'not now', why: `is not asked: ${unmet.word}` };
}
