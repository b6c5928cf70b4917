import { BUILT_IN } from '../../src/config/profiles/built-in.ts';
import { NO_MARK } from '../../src/config/profiles/written-mark.ts';
import { emit } from './emit.ts';
import { type Node, nodeAt } from './tree.ts';

const HELPERS = `{{- /* What Helm's users look for. Selectors have none of it. */ -}}
{{- define "reschedule-hook.labels" -}}
helm.sh/chart: {{ printf "%s-%s" $.Chart.Name $.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ $.Release.Name }}
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $.Release.Service }}
{{- end }}

{{- define "reschedule-hook.image" -}}
{{- with $.Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{- /* The annotations that the hook writes on pods, as the inside of a list of texts. */ -}}
{{- define "reschedule-hook.marks" -}}
{{- $settings := $.Values.settings -}}
{{- $builtIn := dict ${BUILT_IN.flatMap(({ name, mark }) => (mark === NO_MARK || 'on' in mark ? [] : `"${name}" "${mark.annotation}"`)).join(' ')} -}}
{{- $marks := $.Values.marks | default list -}}
{{- range splitList "," (index $settings "PROFILES" | default "" | toString) -}}
{{- with get $builtIn (trim .) }}{{ $marks = append $marks . }}{{ end -}}
{{- end -}}
{{- if not $marks -}}
{{- $marks = list (index $settings "RESCHEDULE_ANNOTATION_KEY" | default "cao.couchbase.com/reschedule") -}}
{{- end -}}
{{- $marks | uniq | join "', '" -}}
{{- end }}
`;

/**
 * Helm 3 deletes a ValidatingWebhookConfiguration last, when nobody answers any more. A hook of this kind is deleted
 * before it is created, and after it has succeeded, which is at once: so the registration goes first. Argo CD renders a
 * chart, and keeps the last of two objects of one name. That is the hook, which no sync applies. So a value leaves it out.
 * Only `false` does: an upgrade with --reuse-values may have no such value.
 */
const UNINSTALL = `{{- /* Helm 3 would delete the registration last, and evictions would fail until then. It deletes a hook of
this name before it creates it, and deletes that at once: so the registration goes first. */ -}}
{{- if ne (toString $.Values.uninstallHook) "false" }}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: "reschedule-hook.{{ $.Release.Namespace }}"
  labels:
    app.kubernetes.io/name: reschedule-hook
    app.kubernetes.io/component: registration
    reschedule.hook/namespace: "{{ $.Release.Namespace }}"
    {{- include "reschedule-hook.labels" $ | nindent 4 }}
  annotations:
    helm.sh/hook: pre-delete
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded,hook-failed
{{- end }}
`;

const NOTES = `The hook is installed. It fills its registration some ten seconds after a replica is ready; until then evictions go as before:

  kubectl get validatingwebhookconfiguration reschedule-hook.{{ $.Release.Namespace }} -o jsonpath='{.webhooks[*].name}'

What is under way:

  kubectl -n {{ $.Release.Namespace }} exec deploy/reschedule-hook-server -- /nodejs/bin/node bin/reschedule-hook.js status
{{- if hasPrefix "localhost/" $.Values.image.repository }}

The image is {{ include "reschedule-hook.image" $ }}, which no registry serves: set image.repository.
{{- end }}
`;

/** Templates that config has nothing of. */
export const FIXED_TEMPLATES: Readonly<Record<string, string>> = {
  '_helpers.tpl': HELPERS,
  'uninstall.yaml': UNINSTALL,
  'NOTES.txt': NOTES,
};

/** A Job that waits for the registration, with the rights and the security context of the Deployment. */
export function waitTemplate(deployment: Node): string {
  const pod = ['spec', 'template', 'spec'] as const;
  const podContext = emit(nodeAt(deployment, ...pod, 'securityContext'), [], 8);
  const containerContext = emit(nodeAt(deployment, ...pod, 'containers', 0, 'securityContext'), [], 12);
  return `{{- if $.Values.waitForRegistration }}
apiVersion: batch/v1
kind: Job
metadata:
  name: reschedule-hook-wait
  namespace: "{{ $.Release.Namespace }}"
  labels:
    app.kubernetes.io/name: reschedule-hook-wait
    {{- include "reschedule-hook.labels" $ | nindent 4 }}
  annotations:
    helm.sh/hook: post-install,post-upgrade,post-rollback
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  backoffLimit: 3
  activeDeadlineSeconds: 300
  template:
    metadata:
      labels:
        # Not the name of the replicas: the Service would send it requests.
        app.kubernetes.io/name: reschedule-hook-wait
    spec:
      restartPolicy: Never
      serviceAccountName: reschedule-hook-sa
      automountServiceAccountToken: true
      enableServiceLinks: false
      {{- with $.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $.Values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $.Values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
${podContext.join('\n')}
      containers:
        - name: reschedule-hook-wait
          image: {{ include "reschedule-hook.image" $ | quote }}
          imagePullPolicy: {{ $.Values.image.pullPolicy }}
          args: [status, --wait-registered]
          env:
            - name: WEBHOOK_CONFIGURATION
              value: "reschedule-hook.{{ $.Release.Namespace }}"
            - name: POD_NAMESPACE
              value: "{{ $.Release.Namespace }}"
          securityContext:
${containerContext.join('\n')}
{{- end }}
`;
}
