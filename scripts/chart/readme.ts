import { type FromDeployment, rowsOf, settingRows, type Value } from './values.ts';

/** The README of the chart, with the table of its values. */
export function readmeOf(values: readonly Value[], own: FromDeployment['settings']): string {
  return `<!-- Made by npm run chart. Change scripts/chart/readme.ts. -->

# reschedule hook

Makes \`kubectl drain\` safe for stateful pods that an operator has to move. The hook is a validating admission webhook: it refuses
the eviction of such a pod, asks its operator to move it, and lets the drain end when it has left.

## Install

    kubectl create namespace reschedule-hook-system
    kubectl label namespace reschedule-hook-system pod-security.kubernetes.io/enforce=restricted
    helm install reschedule-hook CHART --namespace reschedule-hook-system --wait

\`CHART\` is this folder, or where a release is published. \`image.repository\` has to be one from which the nodes pull. With Helm
\`--create-namespace\` makes the namespace, too, without that label.

Helm is done when the replicas are ready. The API server asks them some ten seconds later, when the hook has filled its
registration. Until then evictions go as before. So an installation fails no eviction. With \`waitForRegistration=true\` Helm waits
for that, too.

A namespace has one installation, whatever the release is called. Several stand side by side in namespaces of their own:
cluster-scoped objects have the namespace in their names. Give each a selector of its own (\`settings.POD_LABEL_SELECTOR\`).

## Upgrade, roll back, uninstall

\`helm upgrade\` and \`helm rollback\` leave the webhooks alone that the hook has written, because no manifest has them. The same
holds if an upgrade fails.

- **\`--force\` (Helm 3) and \`--force-replace\` (Helm 4) replace objects.** The registration is then empty for some milliseconds,
  until the hook has filled it again, and protected pods can be evicted. Do not use them.
- Helm 4 applies by the server. After \`kubectl scale\` or \`kubectl set env\` it reports a conflict: \`--force-conflicts\` takes the
  fields back.
- \`helm uninstall\` deletes the registration first. \`--no-hooks\` would have Helm 3 delete it last, and evictions would fail until
  then. First end all drains.
- **With Argo CD set \`uninstallHook=false\`.** Argo CD renders the chart without installing it. It would take the hook of \`helm
  uninstall\` for the registration, and create none. [How to uninstall then](../../docs/install.md#argo-cd). Flux installs with
  Helm itself: leave the value alone.
- An installation by kubectl in the same namespace is taken over with \`--take-ownership\`.

## Values

| value | default | what it is |
| --- | --- | --- |
${rowsOf(values)}

\`trackingChange\` is on while you [change \`tracking\`](../../docs/operations.md#to-change-where-entries-are-kept). \`hostNetwork\` needs a namespace with the label \`pod-security.kubernetes.io/enforce=privileged\`.

### settings

Values are text, numbers or booleans: \`--set settings.STALL_AFTER=30m\`. Others are refused. The rest of the hook's settings follows
from the other values.

| setting | default | what it is |
| --- | --- | --- |
${settingRows(own)}
`;
}
