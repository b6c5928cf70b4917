# Built from the lockfile. The image holds Node and one file, and no shell.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# The node of the devDependencies is for machines with an older one; its install script need not run here.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts/build.ts scripts/
COPY src src
RUN node scripts/build.ts

FROM gcr.io/distroless/nodejs24-debian12:nonroot
WORKDIR /app
ENV NODE_ENV=production
COPY package.json LICENSE ./
COPY bin bin
COPY --from=build /app/dist dist
EXPOSE 8443 8080
ENTRYPOINT ["/nodejs/bin/node", "bin/reschedule-hook.js"]
