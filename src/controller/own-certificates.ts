import type { Clock } from '../async/clock.ts';
import { AuthoritySecret } from '../certificates/authority-secret.ts';
import type { CertificateSource } from '../certificates/certificate-source.ts';
import type { Lifetimes } from '../certificates/lifetimes.ts';
import { hostsOf } from '../certificates/serving-certificate.ts';
import type { ApiClient } from '../kube/client.ts';
import { createGuardedObjects } from '../kube/guarded-objects.ts';
import type { Log } from '../log/messages.ts';
import type { ManagedRegistration } from '../registration/managed-registration.ts';
import type { CreateWatch } from '../registration/registration-watch.ts';
import { type CertificateKey, type CertificateOptions, CertificateReconciler } from './certificates.ts';
import { type Controller, type ControllerMetrics, withWorkers } from './controller.ts';

export interface OwnCertificatesOptions {
  /** Of the Service and of the Secret. */
  readonly namespace: string;
  readonly service: string;
  readonly secret: string;
  readonly lifetimes: Lifetimes;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Each has a worker: see the reconciler. */
const KEYS: readonly CertificateKey[] = ['authority', 'registration'];

/** Certificates by an authority of the hook's own. Loaded only if it is wanted, for the X.509 library that comes with it. */
export function createOwnCertificates(
  client: ApiClient,
  registration: ManagedRegistration,
  options: OwnCertificatesOptions,
  createWatch: CreateWatch,
  on: ControllerMetrics,
): CertificateSource {
  const { namespace, service, secret, ...shared } = options;
  return sourceOf(
    {
      ...shared,
      secret: new AuthoritySecret(createGuardedObjects(client), namespace, secret),
      secretName: secret,
      registration,
      hosts: hostsOf(service, namespace),
    },
    createWatch,
    on,
  );
}

/** The reconciler, the controller that runs it, and the watch that wakes it, as one source. */
export function sourceOf(
  options: Omit<CertificateOptions, 'wake'> & Pick<OwnCertificatesOptions, 'clock'>,
  createWatch: CreateWatch,
  on: ControllerMetrics,
): CertificateSource {
  const reconciler = new CertificateReconciler({ ...options, wake: (key) => controller.queue.add(key) });
  const controller: Controller<CertificateKey> = withWorkers(KEYS.length, reconciler, options, on);
  const watch = createWatch((resourceVersion) => reconciler.onRegistration(resourceVersion));
  return {
    current: () => reconciler.pair,
    start(onChange) {
      reconciler.onChange = onChange;
      controller.start();
      for (const key of KEYS) controller.queue.add(key);
      watch.start();
    },
    async stop() {
      await Promise.all([controller.stop(), watch.stop()]);
    },
    notReady: () => reconciler.problem,
    expiries: () => reconciler.expiries(),
    registration: () => reconciler.registration(),
  };
}
