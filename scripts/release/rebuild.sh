#!/usr/bin/env bash
# Builds the newest release again, on the base images of today, and pushes it as VERSION-YYYYMMDD. The tag of the release
# stays what it is: nobody's pods change under their hands.
# Usage: scripts/release/rebuild.sh DOCKER_USER
# Leaves dist/rebuild/image.txt (the image by digest) and dist/rebuild/sbom.cdx.json. Needs git with the tags, Docker, npm.
set -euo pipefail

user=$1
tag=$(git tag --list 'v*' --sort=-version:refname | grep -E '^v[0-9]+\.[0-9]+\.[0-9]+$' | head -n 1) || {
  echo 'rebuild: there is no release yet' >&2
  exit 1
}
name=${tag#v}-$(date -u +%Y%m%d)
source=dist/rebuild/source
rm -rf dist/rebuild
mkdir -p dist/rebuild
git archive --prefix="$source/" "$tag" | tar -x
make -C "$source" public-image DOCKER_USER="$user" DOCKER_TAG="$name"
digest=$(sed -n 's/.*"containerimage.digest": *"\(sha256:[0-9a-f]*\)".*/\1/p' "$source/dist/image.json")
[ -n "$digest" ] || { echo 'rebuild: the image has no digest' >&2; exit 1; }
echo "$user/reschedule-hook-server:$name@$digest" >dist/rebuild/image.txt
(cd "$source" && npm sbom --omit=dev --package-lock-only --sbom-format=cyclonedx) >dist/rebuild/sbom.cdx.json
cat dist/rebuild/image.txt
