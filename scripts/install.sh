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
kubectl=(kubectl "$@")
hook=("${kubectl[@]}" --namespace "$namespace")
. "$(dirname "$0")/installation.sh"

refuse_others install

# What people and platforms have changed since it was applied. An apply would stop half-way at the first of them.
# Without its namespace, at the first installation, the dry run fails for other reasons.
taken=$("${kubectl[@]}" apply --server-side --dry-run=server -f "$file" 2>&1 >/dev/null | grep -E '^(error: Apply failed|conflicts? with|- \.)' || true)
[ -z "$taken" ] || printf 'install: what others have changed is as in the manifests again:\n%s\n' "$taken" >&2
"${kubectl[@]}" apply --server-side --force-conflicts -f "$file"

"${hook[@]}" rollout status deployment/reschedule-hook-server --timeout="$timeout" || {
  "${hook[@]}" get pods --output wide >&2 || true
  if is_filled; then
    echo 'install: not every new replica came up (can the nodes pull the image?); the API server asks those that are ready' >&2
  else
    echo 'install: the hook does not come up (can the nodes pull its image?); its registration is not filled' >&2
  fi
  exit 1
}
"${kubectl[@]}" wait validatingwebhookconfigurations --timeout="$timeout" \
  --selector "app.kubernetes.io/name=reschedule-hook,reschedule.hook/namespace=$namespace" \
  --for=jsonpath='{.webhooks[*].name}'="reschedule-hook-server.$namespace.svc" || {
  echo 'install: the hook runs, and has not filled its registration; its log says why' >&2
  exit 1
}
delete_old_names
