import * as z from 'zod';
import { LABEL_KEY } from '../../policy/names.ts';
import { readPath } from '../../policy/profiles/hindrance.ts';

/** The message of a field that is not there, or else the other one. */
export const isMissing = (otherwise: string) => ({
  error: ({ input }: { readonly input?: unknown }) => (input === undefined ? 'is missing' : otherwise),
});

export const unknownField: z.core.$ZodErrorMap = ({ code, ...issue }) => {
  if (code === 'unrecognized_keys') return `has ${(issue.keys as string[]).join(' and ')}, which no profile has`;
  return 'is missing, or is no list of fields';
};

/** What the parser makes of a text; it throws an Error whose message follows the name of a field. */
export function attempt<T>(parse: (text: string) => T, given: string, context: z.RefinementCtx): T {
  try {
    return parse(given);
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message : String(error));
    return z.NEVER;
  }
}

export const text = <T>(parse: (text: string) => T) =>
  z.string(isMissing('is no text')).transform((given, context) => attempt(parse, given, context));

export const oneOf = <T extends string>(...allowed: readonly T[]) =>
  z.enum(allowed, {
    error: ({ input }) => {
      const given = typeof input === 'string' ? `is ${JSON.stringify(input)}` : 'is no text';
      return `${input === undefined ? 'is missing' : given}; it must be ${allowed.join(' or ')}`;
    },
  });

export function key(given: string): string {
  if (!LABEL_KEY.test(given)) throw new Error(`is "${given}", which is not an annotation key`);
  return given;
}

const RESOURCE = /^([a-z0-9]+)\.([a-z0-9]([-a-z0-9.]*[a-z0-9])?)$/;
export function resource(given: string) {
  const [, plural, group] = RESOURCE.exec(given) ?? [];
  if (plural === undefined || group === undefined) {
    throw new Error(`is "${given}"; it must be the plural and the group, such as kafkas.kafka.strimzi.io`);
  }
  return { plural, group };
}

export function path(given: string): readonly string[] {
  const steps = readPath(given);
  if (steps === undefined) throw new Error(`is "${given}"; it must be such as spec.paused or status.conditions[Ready]`);
  return steps;
}

export const matching = (pattern: RegExp, what: string) =>
  text((given) => {
    if (!pattern.test(given)) throw new Error(`is "${given}"; it must be ${what}`);
    return given;
  });

export const KIND = /^[A-Z][A-Za-z0-9]{0,62}$/;
/** Each is a label value of a metric. */
export const WORD = /^[A-Z][A-Za-z]{1,39}$/;
/** A list, or what would be its only element. */
export const oneOrMore = <T extends z.ZodType>(list: T) =>
  z.preprocess((given) => (given === undefined ? given : [given].flat()), list);
