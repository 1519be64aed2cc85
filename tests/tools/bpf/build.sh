#!/usr/bin/env bash
# What compiles the BPF programs. It must be a Rust that has the source of `core` with it and an LLVM that is packaged as
# well, for bpf-linker to be built on: Debian's rustc-web is one. It stays out of the way of the Rust that compiles the rest.
# A machine that cannot have it is a skip with the reason.
set -euo pipefail

# The LLVM of rustc-web.
llvm=22
linker=0.13.0

cannot() {
  echo "the BPF programs are neither compiled anew nor linted: $1" >"$OUT/skips"
  exit 0
}

command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || cannot "their compiler is a package of Debian"
missing=()
for package in rustc-web rust-web-src rust-web-clippy "llvm-$llvm-dev" g++; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=unknown
  [ "$state" = installed ] || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  # rustc-web conflicts with Debian's other Rusts, and those are not ours to remove.
  install=(apt-get install -y -q --no-install-recommends --no-remove "${missing[@]}")
  possible() { LC_ALL=C "${install[@]}" --simulate 2>&1; }
  if ! possible >/dev/null && [ "$(id -u)" -eq 0 ]; then
    apt-get update -q
  fi
  plan=$(possible) || cannot "apt-get cannot install ${missing[*]}: $(grep '^E: ' <<<"$plan" | head -n 1)"
  if [ "$(id -u)" -ne 0 ]; then
    echo "install these packages first: ${missing[*]}" >&2
    exit 1
  fi
  "${install[@]}" || { apt-get update -q && "${install[@]}"; }
fi

found=$(/usr/bin/rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
[ "$found" = "$llvm" ] || cannot "rustc-web is on LLVM $found and bpf-linker $linker on LLVM $llvm"

at=/usr/lib/llvm-$llvm
LLVM_PREFIX=$at LLVM_SYS_221_PREFIX=$at CARGO_TARGET_DIR=$OUT/target cargo install --quiet --locked --root "$OUT" \
  bpf-linker --version "$linker" --no-default-features --features "llvm-$llvm"
rm -rf "$OUT/target"
# Not under their own names, which would put them before the compiler of the other recipes.
ln -s /usr/bin/rustc "$OUT/bin/bpf-rustc"
ln -s /usr/bin/cargo-clippy "$OUT/bin/bpf-clippy"
ln -s "$at/bin/llvm-config" "$at/bin/llvm-nm" "$at/bin/llvm-strip" "$OUT/bin"
