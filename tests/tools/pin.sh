#!/usr/bin/env bash
# pin.sh FOLDER MODULE VERSION PACKAGE: write FOLDER/go.mod and go.sum so that PACKAGE of another
# project builds with the versions that project itself tested. Only needed to raise a version.
set -euo pipefail
folder=$1 module=$2 version=$3 package=$4
export GOTOOLCHAIN=local GOWORK=off GOFLAGS=-mod=mod

mkdir -p "$folder"
cd "$folder"
source=$(cd / && go mod download -json "$module@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
install -m 644 "$source/go.mod" "$source/go.sum" .
# Replacements do not pass from a dependency to its user: keep those that name a module; a path inside
# the source tree becomes the same version of the published module.
for path in $(go mod edit -json | sed -n '/"Replace"/,/^\t\]/p' | sed -n '/"Old"/,/}/s/.*"Path": "\(.*\)".*/\1/p'); do
  if grep -qE "(^|[[:space:]])$path( v[^ ]*)? => \.{1,2}/" "$source/go.mod"; then
    go mod edit -dropreplace "$path" -require "$path@$version"
  fi
done
go mod edit -module "ichor.test/${folder##*/}" -require "$module@$version" -tool "$package"
go mod tidy
