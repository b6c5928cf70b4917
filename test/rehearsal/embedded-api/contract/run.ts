import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent } from 'undici';
import { CUSTOM } from './cases-custom.ts';
import { DELETIONS } from './cases-deletions.ts';
import { DISCOVERY } from './cases-discovery.ts';
import { EVICTIONS } from './cases-evictions.ts';
import { KUBECTL } from './cases-kubectl.ts';
import { OBJECTS } from './cases-objects.ts';
import { PATCHES } from './cases-patches.ts';
import { FORGETTING, WATCHES } from './cases-watches.ts';
import { WEBHOOKS } from './cases-webhooks.ts';
import { Api, type Case, mask, type Subject } from './contract.ts';

const GROUPS: Readonly<Record<string, readonly Case[]>> = {
  discovery: DISCOVERY,
  'reads and writes': OBJECTS,
  deletions: DELETIONS,
  patches: PATCHES,
  'custom resources': CUSTOM,
  watches: WATCHES,
  evictions: EVICTIONS,
  webhooks: WEBHOOKS,
};
/** It starts the API server again. */
const LAST = { 'forgotten versions': FORGETTING };

/** Holds a cluster to the contract. */
export function holdTo(what: string, start: () => Promise<Subject>, { hasKubectl }: { hasKubectl: boolean }): void {
  describe(what, () => {
    let subject: Subject;
    let dispatcher: Agent;
    let count = 0;
    before(async () => {
      subject = await start();
      dispatcher = new Agent({ connect: { ca: subject.caData }, allowH2: false });
    });
    after(async () => {
      await dispatcher?.destroy();
      await subject?.stop();
    });
    for (const [group, cases] of Object.entries({ ...GROUPS, ...(hasKubectl ? { kubectl: KUBECTL } : {}), ...LAST })) {
      // Each case has a namespace of its own.
      describe(group, { concurrency: 4 }, () => {
        for (const one of cases) {
          test(one.name, async () => {
            const api = new Api(subject, `contract-${++count}`, dispatcher);
            await prepare(api);
            try {
              assert.deepEqual(mask(await one.run(api), api), one.expected);
            } finally {
              await api.end();
            }
          });
        }
      });
    }
  });
}

async function prepare(api: Api): Promise<void> {
  const { namespace } = api;
  await api.call('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } });
  await api.until(async () => (await api.call('GET', api.path('serviceaccounts/default'))).code === 200);
}
