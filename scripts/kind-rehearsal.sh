#!/usr/bin/env bash
# Rehearses a drain in kind, from the image to the verdict: creates the cluster where there is none, builds and loads the
# image, applies config/kind, which is config/default with another log level and a shorter memory, and rehearses on the
# workers. The cluster stays, to look at.
# Usage: scripts/kind-rehearsal.sh IMAGE CLUSTER [more options of npm run rehearse]
# KIND_NODE_IMAGE: the image of the nodes of a new cluster, and so its Kubernetes; by default kind chooses.
set -euo pipefail
cd "$(dirname "$0")/.."

image=$1
cluster=$2
shift 2
context=kind-$cluster

for tool in docker kind kubectl npm; do
  command -v "$tool" >/dev/null || { echo "kind-rehearsal: $tool is not in the PATH" >&2; exit 1; }
done
docker info >/dev/null 2>&1 || { echo 'kind-rehearsal: docker does not answer; is its engine running?' >&2; exit 1; }

kind get clusters 2>/dev/null | grep -qxF "$cluster" ||
  kind create cluster --config config/kind/cluster.yaml --name "$cluster" --wait 120s \
    ${KIND_NODE_IMAGE:+--image "$KIND_NODE_IMAGE"}
docker build -t "$image" .
kind load docker-image "$image" --name "$cluster"
npm run --silent manifests -- --overlay config/kind --image "$image"
hook=(kubectl --context "$context" --namespace reschedule-hook-system)
before=$("${hook[@]}" get deployment/reschedule-hook-server --ignore-not-found --output name)
scripts/install.sh dist/install.yaml --context "$context"
if [ -n "$before" ]; then
  # The image may have changed under the same tag, which replaces no pod.
  "${hook[@]}" rollout restart deployment/reschedule-hook-server
  "${hook[@]}" rollout status deployment/reschedule-hook-server --timeout=180s
fi

nodes=()
for node in $(kubectl --context "$context" get nodes --selector '!node-role.kubernetes.io/control-plane' \
  --output 'jsonpath={.items[*].metadata.name}'); do
  nodes+=(--node "$node")
done
npm run --silent rehearse -- --context "$context" "${nodes[@]}" --yes "$@"
echo "kind-rehearsal: the cluster stays; kind delete cluster --name $cluster removes it"
