import { NotYet, type UntilOptions, until } from '../../testkit/until.ts';

/** Waits until a condition holds; see `until` for how long. */
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
