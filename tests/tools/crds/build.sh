#!/usr/bin/env bash
# The resource definitions of the projects whose objects ichor writes, out of their own Go modules.
# A module that the proxy does not serve is a skip with its reason; one with other content is an error.
set -euo pipefail
export GOTOOLCHAIN=local GOWORK=off

field() { sed -n "s/^[[:space:]]*\"$1\": \"\(.*\)\",\{0,1\}$/\1/p" <<<"$2"; }

while read -r name module version sum folders; do
  found=$(cd / && go mod download -json "$module@$version") || {
    echo "crds/$name: $module $version cannot be had: $(field Error "$found" | sed 's/.*response: //')" >>"$OUT/skips"
    continue
  }
  if [ "$(field Sum "$found")" != "$sum" ]; then
    echo "$module $version has the sum $(field Sum "$found"), not $sum" >&2
    exit 1
  fi
  mkdir -p "$OUT/crds/$name"
  for folder in $folders; do
    grep -lE '^kind: (CustomResourceDefinition|ValidatingAdmissionPolicy)' "$(field Dir "$found")/$folder"/*.yaml |
      xargs install -m 644 -t "$OUT/crds/$name"
  done
done <modules
