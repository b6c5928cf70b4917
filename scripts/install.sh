#!/usr/bin/env bash
# Installs what npm run manifests has rendered: the registration of the webhook last, when the hook answers. Until then
# evictions go as before, so that an image that cannot be pulled stops nobody's drain.
# Usage: scripts/install.sh FILE [more options of kubectl]
# NAMESPACE (default reschedule-hook-system) is where FILE has the hook, ROLLOUT_TIMEOUT (180s) how long it may take to
# come up.
set -euo pipefail

file=$1
shift

kubectl "$@" apply --server-side -f "$file" --selector 'app.kubernetes.io/component!=registration'
kubectl "$@" --namespace "${NAMESPACE:-reschedule-hook-system}" rollout status deployment/reschedule-hook-server \
  --timeout="${ROLLOUT_TIMEOUT:-180s}" || {
  echo 'install: the hook does not come up (can the nodes pull its image?); its registration was not touched' >&2
  exit 1
}
kubectl "$@" apply --server-side -f "$file"
