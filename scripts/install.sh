#!/usr/bin/env bash
# Installs what npm run manifests has rendered, and ends when the API server asks the hook. The hook fills its registration
# once it runs; until then evictions go as before, so that an image that cannot be pulled stops nobody's drain.
# Usage: scripts/install.sh FILE [more options of kubectl]
# NAMESPACE (default reschedule-hook-system) is where FILE has the hook, ROLLOUT_TIMEOUT (180s) how long it may take to
# come up.
set -euo pipefail

file=$1
shift
namespace=${NAMESPACE:-reschedule-hook-system}
timeout=${ROLLOUT_TIMEOUT:-180s}
hook=(kubectl "$@" --namespace "$namespace")

kubectl "$@" apply --server-side -f "$file"
"${hook[@]}" rollout status deployment/reschedule-hook-server --timeout="$timeout" || {
  echo 'install: the hook does not come up (can the nodes pull its image?); its registration is not filled' >&2
  exit 1
}
kubectl "$@" wait validatingwebhookconfigurations --timeout="$timeout" \
  --selector "app.kubernetes.io/name=reschedule-hook,reschedule.hook/namespace=$namespace" \
  --for=jsonpath='{.webhooks[*].name}'="reschedule-hook-server.$namespace.svc" || {
  echo 'install: the hook runs, and has not filled its registration; its log says why' >&2
  exit 1
}

# Replicas that are on their way out answer on for some seconds, and need their rights.
until_ended() {
  for _ in $(seq 60); do
    [ -n "$("${hook[@]}" get pods --selector app.kubernetes.io/name=reschedule-hook \
      --output 'jsonpath={.items[?(@.metadata.deletionTimestamp)].metadata.name}')" ] || return 0
    sleep 1
  done
}

# What the version before called by other names, if it is of this installation. The reference has some of these names, too.
old=$(kubectl "$@" get validatingwebhookconfiguration reschedule-hook --ignore-not-found \
  --output 'jsonpath={.metadata.labels.app\.kubernetes\.io/name} {.webhooks[*].clientConfig.service.namespace}')
[ "$old" != "reschedule-hook $namespace" ] || kubectl "$@" delete validatingwebhookconfiguration reschedule-hook
for binding in reschedule-hook-crb reschedule-hook-registration-crb; do
  old=$(kubectl "$@" get clusterrolebinding "$binding" --ignore-not-found \
    --output 'jsonpath={.metadata.labels.app\.kubernetes\.io/name} {.subjects[*].namespace}')
  [ "$old" = "reschedule-hook $namespace" ] || continue
  until_ended
  kubectl "$@" delete --ignore-not-found clusterrolebinding/"$binding" clusterrole/"${binding%b}"
done
old=$(kubectl "$@" get flowschema reschedule-hook --ignore-not-found \
  --output 'jsonpath={.spec.rules[*].subjects[*].serviceAccount.namespace}')
[ "$old" != "$namespace" ] || kubectl "$@" delete flowschema reschedule-hook
