#!/usr/bin/env bash
# Looks for known vulnerabilities that have a fix: in an image, and in the packages that its one file was bundled from, which
# nobody sees in the image. Ends with 1 if there is one of severity high or worse.
# Usage: scripts/release/scan.sh IMAGE SBOM
# Needs grype, or Go to build it. Needs the network, for its database.
set -euo pipefail

image=$1
sbom=$2
version=v0.121.3

if ! command -v grype >/dev/null; then
  command -v go >/dev/null || { echo 'scan: neither grype nor Go is in the PATH' >&2; exit 1; }
  GOBIN=$PWD/dist/tools go install "github.com/anchore/grype/cmd/grype@$version"
  PATH=$PWD/dist/tools:$PATH
fi
code=0
for what in "$image" "sbom:$sbom"; do
  echo "scan: $what"
  grype --only-fixed --fail-on high "$what" || code=1
done
exit "$code"
