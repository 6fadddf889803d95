#!/usr/bin/env bash
# Installs rotel, a peer of the end-to-end bench, from its Python package.
# Usage: install-rotel.sh [FOLDER]   (default: target/peers/rotel; the program is FOLDER/bin/rotel). Needs python3.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(realpath -m "${1:-${CARGO_TARGET_DIR:-$here/../../target}/peers/rotel}")
version=0.0.1a15

if [ -x "$folder/bin/rotel" ]; then
    echo "$folder/bin/rotel is there"
    exit 0
fi
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet "rotel==$version"
# The package brings the program beside its launcher, which is not needed here.
ln -sf "$(find "$folder/lib" -name 'rotel-agent' -type f | head -n 1)" "$folder/bin/rotel"
"$folder/bin/rotel" --help >/dev/null
echo "installed $folder/bin/rotel"
