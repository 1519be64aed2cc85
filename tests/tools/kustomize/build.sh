#!/usr/bin/env bash
set -euo pipefail
. ../go.sh

version=$(pinned sigs.k8s.io/kustomize/kustomize/v5)
build kustomize sigs.k8s.io/kustomize/kustomize/v5 "-X sigs.k8s.io/kustomize/api/provenance.version=$version"
