#!/usr/bin/env bash
# Builds otelcol and the crash harness, and kills otelcol under load. Usage: crash.sh [OPTION …], the options of the
# harness: see `crash.sh --help`. PROFILE=release builds both optimized, which takes longer and bears more load.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

profile=${PROFILE:-dev}
target=${CARGO_TARGET_DIR:-target}/$([ "$profile" = dev ] && echo debug || echo "$profile")
cargo build --profile "$profile" -p otelcol
cargo build --profile "$profile" -p otel-benches --features crash --bin crash
exec "$target/crash" --candidate "otelcol=$target/otelcol --config={config}" "$@"
