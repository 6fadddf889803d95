#!/usr/bin/env bash
# Prints what a persistent queue (file_storage, fsync off) costs otelcol, and what it costs the Go collector.
# Usage: storage.sh [OPTION …], options of the bench, such as `--rounds 5 --seconds 5`.
set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")
stored=$here/../e2e/otlp-storage.yaml
ours=target/release/otelcol

"$here/e2e.sh" --config "$stored" \
    --candidate "memory=$ours --config $here/../e2e/otlp.yaml" \
    --candidate "storage=$ours --config {config}" "$@"
"$here/e2e.sh" --config "$stored" \
    --candidate "go=GOMAXPROCS={cores} target/peers/otelcol-go --config {config}" \
    --candidate "otelcol=$ours --config {config}" "$@"
