#!/usr/bin/env bash
set -euo pipefail
. ../go.sh

version=$(pinned github.com/getsops/sops/v3)
build sops github.com/getsops/sops/v3/cmd/sops "-X github.com/getsops/sops/v3/version.Version=${version#v}"
