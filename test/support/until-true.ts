import { NotYet, type UntilOptions, until } from '../../testkit/until.ts';

/** Waits until a condition holds, with the patience of `until`. */
export async function untilTrue(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  options: UntilOptions = {},
): Promise<void> {
  const probe = async () => {
    if (!(await isTrue())) throw new NotYet('not yet');
  };
  await until(what, probe, options);
}
