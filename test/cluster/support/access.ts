import { createHash } from 'node:crypto';
import { BUILT_IN } from '../../../src/config/profiles/built-in.ts';
import type { ApiClient } from '../../../src/kube/client.ts';
import type { ControlPlane } from '../../../testkit/control-plane/control-plane.ts';
import { profileComponent } from '../../support/profile-component.ts';
import { find, rendered, requestToken, SYSTEM_NAMESPACE, variantFolder } from './manifests.ts';

const NAME_MAX = 100;

/** What of an installation says who the hook is, what it may do, and whom its calls go before. */
const KINDS = ['ServiceAccount', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding', 'FlowSchema'];

/** The components of config/ that fit the settings of a hook whose certificate comes from files. */
function componentsFor(env: Readonly<Record<string, string>>): string[] {
  const isOff = [env.TRACK_RESCHEDULED_PODS, env.TRACK_RESCHEULED_PODS].includes('false');
  const type = env.TRACKING_RESOURCE_TYPE ?? 'couchbasecluster';
  const tracking = type === 'couchbasecluster' ? [] : [`${type}-tracking`];
  const change = env.TRACKING_ALSO_READ === undefined ? [] : ['tracking-change'];
  const named = BUILT_IN.filter(({ name }) => env.PROFILES?.split(',').includes(name));
  const profiles = named
    .filter(({ hindrance, report, mark }) => hindrance || report || (mark !== 'none' && 'on' in mark))
    .map(({ name }) => profileComponent(name));
  const said = env.POLICY_ANNOTATIONS === 'true' ? ['policy-annotations'] : [];
  return ['certificate-files', ...said, ...new Set(profiles), ...(isOff ? ['no-tracking'] : [...tracking, ...change])];
}

/** The name of an object may have 253 characters. */
function shortened(name: string): string {
  if (name.length <= NAME_MAX) return name;
  return `${name.slice(0, NAME_MAX)}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}

/** Gives hooks the identity under which they would run where config/ is applied, with the rights for their settings. */
export class Access {
  readonly #controlPlane: ControlPlane;
  readonly #client: ApiClient;
  readonly #tokens = new Map<string, Promise<string>>();

  constructor(controlPlane: ControlPlane, client: ApiClient) {
    this.#controlPlane = controlPlane;
    this.#client = client;
  }

  /** A token of the ServiceAccount that a hook with these settings has. `more`: components for what is in PROFILES_FILE. */
  token(env: Readonly<Record<string, string>> = {}, more: readonly string[] = []): Promise<string> {
    const components = [...componentsFor(env), ...more];
    const suffix = `-${shortened(components.join('-'))}`;
    const token = this.#tokens.get(suffix) ?? this.#grant(suffix, components);
    this.#tokens.set(suffix, token);
    return token;
  }

  async #grant(suffix: string, components: readonly string[]): Promise<string> {
    const folder = await variantFolder(this.#controlPlane.dir, suffix, components);
    const all = await rendered(this.#controlPlane, folder);
    const wanted = all.filter(({ kind }) => KINDS.includes(kind));
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [find(all, 'Namespace'), ...wanted] });
    const { code, stderr } = await this.#controlPlane.kubectl(['apply', '--server-side', '-f', '-'], { input });
    if (code !== 0) throw new Error(`kubectl apply: ${stderr}`);
    return requestToken(this.#client, SYSTEM_NAMESPACE, find(all, 'ServiceAccount').metadata.name);
  }
}
