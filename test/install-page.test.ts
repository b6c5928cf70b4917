import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { readConfig } from '../src/config/config.ts';
import { COMMANDS, ELSEWHERE, FILES } from './support/install-page.ts';
import { blocksOf } from './support/markdown.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf-8');
// biome-ignore lint/suspicious/noExplicitAny: YAML
const specOf = (tool: string): any => FILES.find(({ heading }) => heading === tool)?.content.spec;

/*
 * test/cluster/install/page.test.ts runs the commands and renders the kustomizations. Here is what needs no cluster.
 */
describe('docs/install.md', () => {
  test('a command that is not run has a reason, and is on the page', () => {
    const texts = COMMANDS.map(({ text }) => text);
    for (const [command, why] of Object.entries(ELSEWHERE)) {
      assert.ok(texts.includes(command), command);
      assert.match(why, /^needs /);
    }
    assert.ok(texts.length > 2 * Object.keys(ELSEWHERE).length);
  });

  test('each file of YAML is one of an overlay, or one of a GitOps tool', () => {
    assert.deepEqual(
      FILES.map(
        ({ heading, content }) => `${heading}: ${content.kind ?? (content.resources ? 'an overlay' : 'a part')}`,
      ),
      [
        'Kustomize: an overlay',
        'Kustomize: an overlay',
        'Argo CD: Application',
        'Argo CD: a part',
        'Flux: Kustomization',
      ],
    );
  });

  test('what Argo CD is to leave alone is the list of the registration that is installed', () => {
    const { metadata } = parse(read('config/webhook/registration.yaml'));
    const spec = FILES.find(({ content }) => content.ignoreDifferences !== undefined)?.content;
    const [rule, ...others] = spec.ignoreDifferences;
    assert.deepEqual(others, []);
    assert.deepEqual(rule, {
      group: 'admissionregistration.k8s.io',
      kind: 'ValidatingWebhookConfiguration',
      name: metadata.name,
      jsonPointers: ['/webhooks'],
    });
    assert.ok(spec.syncPolicy.syncOptions.includes('RespectIgnoreDifferences=true'));
    assert.deepEqual(specOf('Argo CD').syncPolicy.syncOptions, ['ServerSideApply=true'], 'where nothing is replaced');
    assert.match(read('docs/operations.md'), /jsonPointers: \[\/webhooks\]/);
  });

  test('both tools sync the overlay that the page shows', () => {
    assert.match(read('docs/install.md'), /`config\/mine\/kustomization\.yaml`/);
    const [argo, flux] = [specOf('Argo CD'), specOf('Flux')];
    assert.deepEqual([argo.source.path, flux.path], ['config/mine', './config/mine']);
    assert.equal(flux.force, undefined);
  });

  test('STALL_AFTER is the default of the program', () => {
    const minutes = Number(readConfig({}).profiles[0]?.stallAfterMs) / 60_000;
    assert.ok(read('docs/install.md').includes(`\`STALL_AFTER\` (${minutes} min)`));
  });
});

test('blocks of a page, with the heading above each', () => {
  const page = '# A\n\n```sh\none\ntwo\n```\n\n## B `c`\n\ntext\n\n```yaml\na: 1\n# no heading\n```\n```\nplain\n```\n';
  assert.deepEqual(blocksOf(page), [
    { heading: 'A', language: 'sh', text: 'one\ntwo\n' },
    { heading: 'B `c`', language: 'yaml', text: 'a: 1\n# no heading\n' },
    { heading: 'B `c`', language: '', text: 'plain\n' },
  ]);
});
