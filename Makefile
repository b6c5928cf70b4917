# The same commands under the names that administrators of Kubernetes projects expect.
DOCKER_USER ?= reschedule-hook
DOCKER_IMAGE ?= reschedule-hook-server
DOCKER_TAG ?= $(shell node -p "require('./package.json').version")

.PHONY: help check test rehearse docker-image

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

check: ## Types, lint, format, unit tests
	npm run check

test: ## Every test, on a real control plane too
	npm test

rehearse: ## A real drain on a real control plane on this machine
	npm run rehearse

docker-image: ## Build the image
	docker build -t $(DOCKER_USER)/$(DOCKER_IMAGE):$(DOCKER_TAG) .
