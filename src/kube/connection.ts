import { Agent, type Dispatcher } from 'undici';

/** How to reach the API server, and as whom. Made from a kubeconfig; see `openConnection`. */
export interface Connection {
  readonly server: string;
  readonly dispatcher: Dispatcher;
  /** The headers that authenticate a request now. Cheap: read anew at most every few seconds. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** To be called after a 401: the next `headers()` reads every credential from its source again. */
  forgetCredentials(): void;
  close(): Promise<void>;
}

/** The part of the client library's KubeConfig that is used. */
export interface KubeConfigLike {
  getCurrentCluster(): { readonly server: string; readonly tlsServerName?: string } | null;
  applyToHTTPSOptions(options: HttpsOptions): Promise<void>;
}

interface HttpsOptions {
  headers?: Record<string, unknown>;
  ca?: unknown;
  cert?: unknown;
  key?: unknown;
  pfx?: unknown;
  passphrase?: unknown;
  rejectUnauthorized?: boolean;
  servername?: string;
  auth?: string | null;
}

const HEADERS_FRESH_MS = 5_000;
const CONNECT_TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 64;

/**
 * One pooled keep-alive connection set for every call. The library would open a TLS connection a call
 * (docs/decisions/0003-transport.md). `load` is called again when credentials were refused.
 */
export async function openConnection(load: () => KubeConfigLike, monotonicNow: () => number): Promise<Connection> {
  let config = load();
  const first = await httpsOptions(config);
  const server = config.getCurrentCluster()?.server ?? '';
  let cached = { headers: authHeaders(first), readAt: monotonicNow() };
  const dispatcher = new Agent({
    allowH2: false,
    connections: MAX_CONNECTIONS,
    pipelining: 1,
    keepAliveTimeout: 60_000,
    connect: { ...tlsOptions(first), keepAlive: true, keepAliveInitialDelay: 30_000, timeout: CONNECT_TIMEOUT_MS },
  });
  return {
    server: server.replace(/\/+$/, ''),
    dispatcher,
    async headers() {
      if (monotonicNow() - cached.readAt > HEADERS_FRESH_MS) {
        cached = { headers: authHeaders(await httpsOptions(config)), readAt: monotonicNow() };
      }
      return cached.headers;
    },
    forgetCredentials() {
      try {
        config = load();
      } catch {
        // The kubeconfig is being rewritten, say: what was read of it before is tried again, and the 401 comes back.
      }
      cached = { headers: {}, readAt: Number.NEGATIVE_INFINITY };
    },
    close: () => dispatcher.destroy(),
  };
}

async function httpsOptions(config: KubeConfigLike): Promise<HttpsOptions> {
  const options: HttpsOptions = { headers: {} };
  await config.applyToHTTPSOptions(options);
  return options;
}

function authHeaders(options: HttpsOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value).trim();
  if (options.auth) headers.Authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  return headers;
}

function tlsOptions(options: HttpsOptions): Record<string, unknown> {
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  const all = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
