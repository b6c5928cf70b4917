# Built from the lockfile. The image holds Node and one file, and no shell.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# The node of the devDependencies is for machines with an older one; its install script need not run here.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts/build.ts scripts/bundle.ts scripts/
COPY src src
RUN node scripts/build.ts

FROM gcr.io/distroless/nodejs24-debian12:nonroot
WORKDIR /app
# One malloc arena: with one for each thread, memory that was freed in one is of no use to another.
ENV NODE_ENV=production MALLOC_ARENA_MAX=1
COPY package.json LICENSE ./
COPY bin bin
COPY --from=build /app/dist dist
EXPOSE 8443 8080
ENTRYPOINT ["/nodejs/bin/node", "bin/reschedule-hook.js"]
