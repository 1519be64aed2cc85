#!/usr/bin/env bash
set -euo pipefail
. ../../tools/go.sh

module=github.com/siderolabs/talos/pkg/machinery
version=$(pinned "$module")
# Known to be served where the pinned version is not; it lacks some of the documents.
older=v1.14.0-alpha.2
flags=
# No sums are kept beside these pins as long as not every proxy serves the module: Go's own
# checksum database vouches for the files, and the copy takes the lines that Go adds.
source=$OUT/source
mkdir -p "$source"
cp go.mod main.go "$source"
if ! found=$(cd / && go mod download -json "$module@$version"); then
  reason=$(sed -n 's/^[[:space:]]*"Error": ".*response: \(.*\)",\{0,1\}$/\1/p' <<<"$found")
  echo "talos114: $module $version cannot be had: ${reason:-the download failed}; $older judges the documents that it knows" >"$OUT/skips"
  (cd "$source" && go mod edit -require "$module@$older")
  flags="-X main.older=$older"
fi
cd "$source"
GOFLAGS=-mod=mod go mod tidy
build talos114 . "$flags"
