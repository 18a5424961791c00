# One image for every role: docker build --tag capstan:0.1.0 .
# The local chain is left out; `capstan up` then needs a configured chain.

FROM node:20-bookworm-slim AS web
WORKDIR /capstan/gateway/web
COPY gateway/web/package.json gateway/web/package-lock.json gateway/web/.npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY buf.yaml /capstan/
COPY proto /capstan/proto
COPY gateway/web ./
RUN npm run build

FROM rust:1.95-bookworm AS binary
WORKDIR /capstan
COPY . .
COPY --from=web /capstan/gateway/web/dist gateway/web/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/capstan/target \
    cargo build --release --locked --package capstan --no-default-features \
    && install target/release/capstan /usr/local/bin/capstan

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=binary /usr/local/bin/capstan /usr/local/bin/capstan
ENTRYPOINT ["/usr/local/bin/capstan"]
