#!/usr/bin/env bash
# An older kernel, Debian's 6.1 for virtual machines, and what boots it: the oldest that the datapath is made for.
# A machine that cannot have it is a skip with the reason.
set -euo pipefail

cannot() {
  echo "the datapath on Linux 6.1: $1" >"$OUT/skips"
  exit 0
}

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || cannot "that kernel is a package of Debian"
[ "$(uname -m)" = x86_64 ] || cannot "the machine is emulated on x86_64 only"
image() { apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-6\.1\..*\)$/\1/p' | head -n 1; }
name=$(image)
if [ -z "$name" ] && [ "$(id -u)" -eq 0 ]; then
  apt-get update -q
  name=$(image)
fi
[ -n "$name" ] || cannot "no package linux-image-6.1.*-cloud-amd64"

missing=()
command -v qemu-system-x86_64 >/dev/null || missing+=(qemu-system-x86)
command -v cpio >/dev/null || missing+=(cpio)
[ -x /bin/busybox ] || missing+=(busybox-static)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" -ne 0 ]; then
    echo "install these packages first: ${missing[*]}" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  install=(apt-get install -y -q --no-install-recommends "${missing[@]}")
  "${install[@]}" || { apt-get update -q && "${install[@]}"; }
fi

download=$(mktemp -d)
trap 'rm -rf "$download"' EXIT
(cd "$download" && { apt-get download -q "$name" || { apt-get update -q && apt-get download -q "$(image)"; }; })
dpkg-deb -x "$download"/*.deb "$download/image"
mkdir -p "$OUT/linux-6.1"
cp "$download"/image/boot/vmlinuz-* "$OUT/linux-6.1/vmlinuz"
# In the order in which they need each other.
number=10
for module in llc stp bridge veth tun sch_ingress cls_bpf sch_fq sch_tbf; do
  cp "$(find "$download/image/lib/modules" -name "$module.ko")" "$OUT/linux-6.1/$number-$module.ko"
  number=$((number + 1))
done
