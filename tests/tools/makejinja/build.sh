#!/usr/bin/env bash
set -euo pipefail

python3 -m venv "$OUT/venv"
"$OUT/venv/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
mkdir -p "$OUT/bin"
ln -sf ../venv/bin/makejinja "$OUT/bin/makejinja"
