#!/usr/bin/env bash
# What Debian and Ubuntu package: installed for the whole machine, the programs linked into the tools folder.
set -euo pipefail

# program package
programs="
age age
age-keygen age
bird bird2
iptables iptables
iptables-restore iptables
nft nftables
openssl openssl
vtysh frr
"
path=$PATH:/usr/sbin:/sbin:/usr/lib/frr

missing=()
while read -r program package; do
  [ -z "$program" ] || PATH=$path command -v "$program" >/dev/null || missing+=("$package")
done <<<"$programs"
# Not for the tools folder. Any Go will do: it only fetches the next recipe's. The fuzzer is C++, and makejinja,
# the peer of the benchmark, wants an environment of its own.
command -v ip >/dev/null || missing+=(iproute2)
command -v git >/dev/null || missing+=(git)
command -v curl >/dev/null || missing+=(curl)
command -v go >/dev/null || missing+=(golang-go)
command -v c++ >/dev/null || missing+=(g++)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "install these packages first: ${missing[*]}" >&2
    exit 1
  fi
  # The routing daemons must not start on the machine that tests them: Debian asks this file first.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  install=(apt-get install -y -q --no-install-recommends "${missing[@]}")
  "${install[@]}" || { apt-get update -q && "${install[@]}"; }
fi

mkdir -p "$OUT/bin"
while read -r program package; do
  [ -z "$program" ] || ln -sf "$(PATH=$path command -v "$program")" "$OUT/bin/$program"
done <<<"$programs"
