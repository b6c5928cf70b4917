# Built from the lockfile; the image holds the compiled hook and what it needs to run, and no shell.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json tsconfig.json tsconfig.build.json ./
# The node that the devDependencies bring is for machines with an older one; here its install script need not run.
RUN npm ci --ignore-scripts
COPY scripts/build.ts scripts/
COPY src src
RUN PATH="$PWD/node_modules/.bin:$PATH" /usr/local/bin/node scripts/build.ts \
 && npm ci --omit=dev --ignore-scripts

FROM gcr.io/distroless/nodejs24-debian12:nonroot
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY bin bin
EXPOSE 8443 8080
ENTRYPOINT ["/nodejs/bin/node", "bin/reschedule-hook.js"]
