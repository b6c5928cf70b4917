import type { ProxyEnvironment } from './connection.ts';

/** Reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in capitals or not; an empty one counts as not set. */
export function readProxyEnvironment(env: Readonly<Record<string, string | undefined>>): ProxyEnvironment {
  const read = (name: string) => env[name] || env[name.toLowerCase()];
  const httpProxy = read('HTTP_PROXY');
  const httpsProxy = read('HTTPS_PROXY');
  const noProxy = read('NO_PROXY');
  return {
    ...(httpProxy ? { httpProxy } : {}),
    ...(httpsProxy ? { httpsProxy } : {}),
    ...(noProxy ? { noProxy } : {}),
  };
}
