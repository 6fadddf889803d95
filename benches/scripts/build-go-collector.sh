#!/usr/bin/env bash
# Builds the Go collector, the peer of the end-to-end bench and of the interoperation tests, from Go modules.
# Usage: build-go-collector.sh [BINARY]   (default: target/peers/otelcol-go). Needs go.
# The first build takes about two minutes; when the binary is already there, nothing happens.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binary=$(realpath -m "${1:-${CARGO_TARGET_DIR:-$here/../../target}/peers/otelcol-go}")
version=v0.152.0

if [ -x "$binary" ]; then
    echo "$binary is there"
    exit 0
fi

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cp "$here/go-collector.yaml" "$work/"
cd "$work"

# Sources only: the builder's own `go mod tidy` also resolves the modules' test dependencies, which nothing here needs.
if ! go run "go.opentelemetry.io/collector/cmd/builder@$version" \
    --config go-collector.yaml --skip-compilation --skip-get-modules >builder.log 2>&1; then
    cat builder.log >&2
    exit 1
fi

mkdir -p "$(dirname "$binary")"
cd src
# Built beside its place and moved there, so that an interrupted build never looks like a finished one.
go build -mod=mod -trimpath -ldflags="-s -w" -o "$binary.partial" .
mv "$binary.partial" "$binary"
echo "built $binary"
