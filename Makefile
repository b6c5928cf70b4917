# The same commands under the names that administrators of Kubernetes projects expect.
# A name that no registry serves: a node has this image only where somebody has loaded it.
DOCKER_USER ?= localhost
DOCKER_IMAGE ?= reschedule-hook-server
DOCKER_TAG ?= $(shell sed -n 's/^  "version": "\(.*\)",/\1/p' package.json)
DOCKER_PLATFORMS ?= linux/amd64,linux/arm64
KIND_CLUSTER_NAME ?= reschedule-hook
OVERLAY ?= config/default
export NAMESPACE ?= reschedule-hook-system

IMAGE = $(DOCKER_USER)/$(DOCKER_IMAGE):$(DOCKER_TAG)
need = @command -v $(1) >/dev/null || { echo "make $@: $(1) is not in the PATH; see $(2)" >&2; exit 1; }
need_docker = $(call need,docker,https://docs.docker.com/get-docker)
need_kind = $(call need,kind,https://kind.sigs.k8s.io)
need_kubectl = $(call need,kubectl,https://kubernetes.io/docs/tasks/tools)

.PHONY: help check test rehearse manifests install uninstall docker-image kind-image kind-rehearsal public-image

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

check: ## Types, lint, format, unit tests
	npm run check

test: ## Every test, on a real control plane too
	npm test

rehearse: ## A drain on this machine, with nothing but Node
	npm run rehearse

manifests: ## Render OVERLAY with the image into dist/install.yaml
	npm run --silent manifests -- --overlay $(OVERLAY) --image $(IMAGE) --namespace $(NAMESPACE)

install: manifests ## Install OVERLAY with the image into the cluster of the current kubeconfig, the registration last
	$(need_kubectl)
	scripts/install.sh dist/install.yaml

uninstall: manifests ## Remove what install has installed
	$(need_kubectl)
	kubectl delete --ignore-not-found -f dist/install.yaml

docker-image: ## Build the image for this machine
	$(need_docker)
	docker build -t $(IMAGE) .

kind-image: ## Build the image and load it into the kind cluster KIND_CLUSTER_NAME
	$(need_docker)
	$(need_kind)
	docker build -t $(IMAGE) .
	kind load docker-image $(IMAGE) --name $(KIND_CLUSTER_NAME)

kind-rehearsal: ## Create the kind cluster KIND_CLUSTER_NAME where there is none, install into it, rehearse a drain
	$(need_docker)
	$(need_kind)
	$(need_kubectl)
	scripts/kind-rehearsal.sh $(IMAGE) $(KIND_CLUSTER_NAME)

public-image: ## Build the image for DOCKER_PLATFORMS and push it
	$(need_docker)
	docker buildx build --platform $(DOCKER_PLATFORMS) --provenance=mode=max --sbom=true -t $(IMAGE) --push .
