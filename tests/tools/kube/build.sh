#!/usr/bin/env bash
set -euo pipefail
. ../go.sh

version=$(pinned k8s.io/kubernetes)
IFS=. read -r major minor _ <<<"${version#v}"
flags=
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  flags+=" -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor"
  # kubectl and the API server compare these; the time must parse.
  flags+=" -X $package.gitTreeState=clean -X $package.buildDate=1970-01-01T00:00:00Z"
done
build kube . "$flags"
for name in etcd kube-apiserver kubectl; do
  ln -sf kube "$OUT/bin/$name"
done
