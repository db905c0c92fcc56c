# Never run: there was no Docker engine where it was written. Its steps were run by hand, with Node 20.
# docker build -t mini-router . && docker run --rm mini-router router-core hub --help

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY bin bin
COPY router-core router-core
COPY router-api router-api
COPY router-cli router-cli
COPY bench bench
# Installs the packages, too.
RUN node scripts/build.mjs && npm prune --omit=dev --no-audit --no-fund

FROM node:24-slim
ENV NODE_ENV=production PATH=/app/bin:$PATH
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/bin bin
COPY --from=build /app/dist dist
COPY --from=build /app/node_modules node_modules
USER node
CMD ["router-core", "--help"]
