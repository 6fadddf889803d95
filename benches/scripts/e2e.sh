#!/usr/bin/env bash
# Builds the Go collector (once), otelcol and the bench, and prints the comparison table.
# Usage: e2e.sh [OPTION …], the options of the bench: see `e2e.sh --help`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

benches/scripts/build-go-collector.sh target/peers/otelcol-go >&2
cargo build --release -p otelcol >&2
exec cargo run --release -p otel-benches --features e2e --bin e2e -- "$@"
