#!/usr/bin/env bash
set -euo pipefail
. ../go.sh

# The tag keeps the linker's dead-code elimination working, as in the released program.
export GOFLAGS="$GOFLAGS -tags=grpcnotrace"
build talosctl github.com/siderolabs/talos/cmd/talosctl
