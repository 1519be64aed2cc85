#!/usr/bin/env bash
set -euo pipefail
. ../../tools/go.sh

build talos114 .
