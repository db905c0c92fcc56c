# docker build -t mini-router . && docker run --rm mini-router router-core hub --help
# Never run: there was no Docker engine where it was written. Its steps were run by hand, with Node 20.

FROM node:24-slim AS sources
WORKDIR /app
# Apart from the sources: while these files stay the same, so does the layer with the packages.
COPY package.json package-lock.json ./
COPY scripts scripts
RUN node --input-type=module -e "(await import('/app/scripts/setup.mjs')).ensurePackages()"
COPY tsconfig.json tsconfig.build.json ./
COPY router-core router-core
COPY router-api router-api
COPY router-cli router-cli

FROM sources AS build
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM sources AS binary
COPY binary binary
RUN npm run build:binary

# docker build --target agent: an agent and nothing else, without Node and npm. The binary needs the C and C++ libraries of a
# Debian like the one that it was built on, so it cannot start from scratch; the distroless image "cc" would do as well.
FROM debian:12-slim AS agent
COPY --from=binary /app/dist/bin/mini-router-agent /usr/local/bin/mini-router-agent
USER 1000
ENTRYPOINT ["mini-router-agent"]

FROM node:24-slim
# Process 1 passes signals on and takes in orphans, which is nothing that Node does.
RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production PATH=/app/bin:$PATH
WORKDIR /app
COPY package.json ./
COPY bin bin
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
# The user "node". As a number, so that Kubernetes can tell that it is not root.
USER 1000
ENTRYPOINT ["tini", "--"]
CMD ["router-core", "--help"]
