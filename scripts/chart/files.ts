import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { conditionsOf } from './conditions.ts';
import { fromDeployment } from './edits.ts';
import { FIXED_TEMPLATES, waitTemplate } from './fixed.ts';
import { objectsOf, templatesOf } from './objects.ts';
import { readmeOf } from './readme.ts';
import { ROOT, readSources } from './sources.ts';
import { schemaOf, valuesFile, valuesOf } from './values.ts';

const HEADER = '# Made by npm run chart, from config and src/config/settings.ts. Change it there.';

/** All files of the chart: the text by the path. `repository`: of the image. Throws NotRendered. */
export function chartFiles(repository?: string): Map<string, string> {
  const sources = readSources();
  const conditions = conditionsOf(sources);
  const objects = objectsOf(sources, conditions);
  const deployment = objects.find(({ id }) => id.startsWith('Deployment/'));
  if (deployment === undefined) throw new Error('there is no Deployment in config');
  const own = fromDeployment(deployment.tree);
  const values = valuesOf(conditions, own, repository ?? imageInConfig());
  const wait = waitTemplate(deployment.tree);
  return new Map([
    ['Chart.yaml', `${HEADER}\n${stringify(chart(), { lineWidth: 0 })}`],
    ['values.yaml', valuesFile(values, own.settings, HEADER)],
    ['values.schema.json', `${JSON.stringify(schemaOf(values), null, 2)}\n`],
    ['README.md', readmeOf(values, own.settings)],
    ['.helmignore', '.DS_Store\n*.tgz\n'],
    ...[...templatesOf(objects)].map(([name, text]) => [`templates/${name}`, text] as const),
    ...Object.entries(FIXED_TEMPLATES).map(([name, text]) => [`templates/${name}`, text] as const),
    ['templates/wait.yaml', wait],
  ]);
}

function chart() {
  const { name, version, description, license } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf-8'));
  return {
    apiVersion: 'v2',
    name,
    description,
    type: 'application',
    version,
    appVersion: version,
    // The API of flow control is of 1.29. Below 1.30 there is no policy: admissionPolicy=false.
    kubeVersion: '>=1.29.0-0',
    keywords: ['drain', 'eviction', 'webhook', 'couchbase', 'operator', 'maintenance'],
    annotations: {
      'artifacthub.io/category': 'integration-delivery',
      'artifacthub.io/license': license,
      'artifacthub.io/operator': 'false',
      'artifacthub.io/prerelease': String(version.startsWith('0.')),
    },
  };
}

function imageInConfig(): string {
  const { images } = parse(readFileSync(join(ROOT, 'config/manager/kustomization.yaml'), 'utf-8'));
  return images[0].newName;
}
