#!/usr/bin/env bash
# Go itself, as it is released: the toolchain is also served as a module, so that any older Go, such as the
# distribution's, can fetch it. The checksum is ours to compare, as those of all modules in a go.sum are.
set -euo pipefail
. ../go.sh

case $(uname -m) in
x86_64) platform=linux-amd64 sum=h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM= ;;
aarch64) platform=linux-arm64 sum=h1:sYL/O6MqS68ML0kjsQ36WoYIpJqkw60TxizWUYUKQMc= ;;
*)
  echo "no checksum of Go for $(uname -m) is known: add it to tests/tools/go/build.sh" >&2
  exit 1
  ;;
esac
version=v0.0.1-go$go_version.$platform

fetched=$OUT/fetched
found=$(cd / && GOMODCACHE=$fetched go mod download -json "golang.org/toolchain@$version")
if ! grep -qF "\"Sum\": \"$sum\"" <<<"$found"; then
  printf 'golang.org/toolchain %s should have the sum %s:\n%s\n' "$version" "$sum" "$found" >&2
  exit 1
fi
chmod -R u+w "$fetched"
mv "$fetched/golang.org/toolchain@$version" "$OUT/root"
rm -rf "$fetched"
# A module carries no permissions.
chmod 755 "$OUT"/root/bin/* "$OUT"/root/pkg/tool/*/*
mkdir -p "$OUT/bin"
ln -s ../root/bin/go ../root/bin/gofmt "$OUT/bin"
