#!/usr/bin/env bash
# Prints the comparison of otelcol with the Go collector, case by case, on one core.
# Usage: table.sh [OPTION …], options of the bench for every case, such as `--rounds 3 --seconds 5`.
# With the defaults it takes about an hour.
set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")

case() {
    "$here/e2e.sh" "$@" 2>/dev/null || { echo "the case failed: $*"; return 1; }
}

go='GOMAXPROCS={cores} target/peers/otelcol-go --config {config}'
ours='target/release/otelcol --config {config}'

case --signals traces,metrics,logs "$@"
case --items 100,10 "$@"
case --protocols http,http-json "$@"
case --compression-out gzip "$@"
case --compression gzip "$@"
# zstd of ours against gzip of Go's collector, each the cheapest that both ends of it usually know.
case --candidate "go=OTLP_COMPRESSION=gzip $go" --candidate "otelcol=OTLP_COMPRESSION=zstd $ours" "$@"
# Half of what saturates Go's collector on such a core, and a moderate load.
case --rate 75000 "$@"
case --rate 50000 --items 1000,100 "$@"
