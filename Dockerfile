# Built from the lockfile, on the machine's own platform: the result is JavaScript, the same for each. The image holds Node
# and one program to run, and no shell. Base images are pinned by tag; distroless has no tags of versions. To pin one by digest,
# add @sha256:... as docker buildx imagetools inspect NAME:TAG prints it.
FROM --platform=$BUILDPLATFORM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# The node of the devDependencies is for machines with an older one; its install script need not run here.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts/build.ts scripts/bundle.ts scripts/
COPY bin bin
COPY rehearsal rehearsal
COPY src src
COPY testkit testkit
RUN node scripts/build.ts

FROM gcr.io/distroless/nodejs24-debian12:nonroot
WORKDIR /app
# One malloc arena: with one for each thread, memory that was freed in one is of no use to another. The threshold of trimming is
# malloc's own default. Named, it stays: else it grows with what is freed, and freed memory stays with the process.
ENV NODE_ENV=production MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072
# A rehearsal starts no cluster here: it would use the memory of a hook that serves.
ENV RESCHEDULE_HOOK_IMAGE=true
COPY package.json LICENSE ./
COPY bin/check-node.cjs bin/reschedule-hook.js bin/
COPY --from=build /app/dist dist
# By number, so that a kubelet can see that it is not root.
USER 65532:65532
EXPOSE 8443 8080
# What is read from the API server is garbage at once: a young generation of a fixed size, in MB, keeps it out of the old one,
# which is collected when it has grown by so many percent. docs/performance.md has the figures.
ENTRYPOINT ["/nodejs/bin/node", "--min-semi-space-size=4", "--max-semi-space-size=4", "--heap-growing-percent=25", "bin/reschedule-hook.js"]
