#!/usr/bin/env bash
# Removes what install.sh has installed: the registration first, so that nobody asks, then the replicas, which answer what
# has been asked, then the rest.
# Usage: scripts/uninstall.sh FILE [more options of kubectl]
# NAMESPACE (default reschedule-hook-system) is where FILE has the hook.
set -euo pipefail

file=$1
shift
namespace=${NAMESPACE:-reschedule-hook-system}
kubectl=(kubectl "$@")
hook=("${kubectl[@]}" --namespace "$namespace")
. "$(dirname "$0")/installation.sh"

refuse_others uninstall

for registration in $(own_registrations); do
  "${kubectl[@]}" delete --ignore-not-found validatingwebhookconfiguration "$registration"
done
# They go on for longer than a request may take, and need their rights.
"${hook[@]}" delete deployment/reschedule-hook-server --ignore-not-found --cascade=foreground --timeout=120s ||
  echo 'uninstall: not every replica has ended (is its node dead?); the rest goes all the same' >&2
"${kubectl[@]}" delete --ignore-not-found -f "$file"
delete_old_names
