import ofPackage from '../package.json' with { type: 'json' };

/** The version of the hook, from its package.json. */
export function version(): string {
  return ofPackage.version;
}
