# Only what needs Docker, kind or kubectl. Everything else is an npm script: `npm run` lists them.
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

render = npm run --silent manifests -- --overlay $(OVERLAY) --image $(IMAGE) --namespace $(NAMESPACE)

.PHONY: help install uninstall docker-image kind-image kind-rehearsal public-image check test rehearse manifests

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

install: ## Install OVERLAY with the image into the cluster of the current kubeconfig
	$(need_kubectl)
	$(render)
	scripts/install.sh dist/install.yaml

uninstall: ## Remove what install has installed, the registration first
	$(need_kubectl)
	$(render)
	scripts/uninstall.sh dist/install.yaml

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

# Which image it was stands in dist/image.json afterwards, by its digest.
public-image: ## Build the image for DOCKER_PLATFORMS on the newest base images, and push it
	$(need_docker)
	@mkdir -p dist
	docker buildx build --pull --platform $(DOCKER_PLATFORMS) --provenance=mode=max --sbom=true \
	  --metadata-file dist/image.json -t $(IMAGE) --push .

# Names of 0.1, which go with 0.3. They are npm scripts.
moved = @echo "make $@: goes with 0.3; use: $(1)" >&2

check:
	$(call moved,npm run check)
	@npm run check

test:
	$(call moved,npm test)
	@npm test

rehearse:
	$(call moved,npm run rehearse)
	@npm run rehearse

manifests:
	$(call moved,npm run manifests)
	@$(render)
