import type { Clock } from '../async/clock.ts';
import type { ApiClient } from '../kube/client.ts';
import type { Log } from '../log/messages.ts';
import { Keeper } from './certificate-keeper.ts';
import type { CertificateSource } from './certificate-source.ts';
import { lifetimesOf } from './lifetimes.ts';
import { watchRegistration } from './registration-watch.ts';
import { CertificateObjects } from './stored-objects.ts';

export interface SelfOptions {
  /** Of the Service and of the Secret. */
  readonly namespace: string;
  readonly service: string;
  readonly secret: string;
  readonly registration: string;
  readonly servingLifetimeMs: number;
  readonly caLifetimeMs: number;
  readonly log: Log;
  readonly clock: Clock;
  random(): number;
}

/** Certificates by an authority of the hook's own. Loaded only where it is wanted, for the X.509 library that comes with it. */
export function createSelfSource(client: ApiClient, options: SelfOptions): CertificateSource {
  const { namespace, service, secret, registration, servingLifetimeMs, caLifetimeMs, log, clock } = options;
  const random = () => options.random();
  return new Keeper({
    objects: new CertificateObjects(client, { namespace, secret, service, registration }),
    watch: watchRegistration({
      client,
      name: registration,
      clock,
      random,
      log: (level, message, fields) => log[level](message, fields),
    }),
    hosts: hostsOf(service, namespace),
    registration,
    secret,
    lifetimes: lifetimesOf(servingLifetimeMs, caLifetimeMs),
    log,
    clock,
    random,
  });
}

/** The API server calls by the first; the others are for people who try it. */
function hostsOf(service: string, namespace: string): [string, ...string[]] {
  const name = `${service}.${namespace}`;
  return [`${name}.svc`, `${name}.svc.cluster.local`, name, service, 'localhost', '127.0.0.1', '::1'];
}
