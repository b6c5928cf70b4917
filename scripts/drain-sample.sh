#!/usr/bin/env bash
# Rehearses a drain with the pods of config/samples, and plays their operator: each pod that the hook has marked is deleted,
# and the StatefulSet brings it back elsewhere. Exit code 0 if the drain ended, no such pod is left on the node, and nobody
# but this script took one away. No other pod is evicted. The node is uncordoned at the end.
# Usage: scripts/drain-sample.sh [SECONDS that the drain may take, default 300] [more options of kubectl, as --context NAME]
set -euo pipefail

limit=${1:-300}
shift || true
kubectl=(kubectl "$@")
namespace=reschedule-hook-sample
annotation='cao\.couchbase\.com/reschedule'

fail() { echo "drain-sample: $*" >&2; exit 1; }
pods() { "${kubectl[@]}" --namespace "$namespace" get pods --output "jsonpath={range .items[*]}$1{\"\\n\"}{end}"; }

command -v kubectl >/dev/null || fail 'kubectl is not in the PATH'
"${kubectl[@]}" --namespace "$namespace" rollout status statefulset/sample --timeout=120s

node=$(pods '{.spec.nodeName}' | sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }')
before=$(pods "{.metadata.uid} {.spec.nodeName} {.metadata.name}" | awk -v node="$node" '$2 == node { print $1, $3 }')
[ -z "$("${kubectl[@]}" get node "$node" --output 'jsonpath={.spec.unschedulable}')" ] ||
  fail "$node is cordoned already; uncordon it, or let its pods move"
echo "draining $node, which has"
echo "$before"

"${kubectl[@]}" drain "$node" --pod-selector=reschedule.hook/sample --ignore-daemonsets --timeout="${limit}s" &
drain=$!
cleanup() {
  kill "$drain" 2>/dev/null || true
  "${kubectl[@]}" uncordon "$node"
}
trap cleanup EXIT

moved=''
while kill -0 "$drain" 2>/dev/null; do
  for pod in $(pods "{.metadata.uid}/{.metadata.name}/{.metadata.annotations.$annotation}/{.metadata.deletionTimestamp}" |
    awk -F / '$3 == "true" && $4 == "" { print $1 "/" $2 }'); do
    case " $moved " in *" ${pod%/*} "*) continue ;; esac
    moved="$moved ${pod%/*}"
    echo "${pod#*/} is marked: its operator moves it"
    "${kubectl[@]}" --namespace "$namespace" delete pod "${pod#*/}" --wait=false
  done
  sleep 1
done
wait "$drain" || fail "the drain of $node has failed"

left=$(pods '{.spec.nodeName} {.metadata.name}' | awk -v node="$node" '$1 == node { print $2 }')
[ -z "$left" ] || fail "still on $node: $left"
while read -r uid name; do
  case " $moved " in *" $uid "*) ;; *) fail "$name was taken away without being marked" ;; esac
done <<<"$before"
[ "$(echo "$moved" | wc -w)" -eq "$(echo "$before" | wc -l)" ] || fail 'a pod was moved twice'
echo "drain-sample: safe; each pod of $node was moved once"
