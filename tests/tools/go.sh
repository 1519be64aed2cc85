# Sourced by recipes that build a Go program from the pins in their own go.mod and go.sum.

# The version is here because all of them are built anew with another one.
go_version=1.26.8
unset GOROOT
export CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off GOFLAGS="-mod=readonly -trimpath -buildvcs=false"

# pinned MODULE: the version that go.mod asks for.
pinned() {
  sed -n "s#^\(require\)\{0,1\}[[:space:]]*$1 \(v[^ ]*\).*#\2#p" go.mod | head -n 1
}

# build PROGRAM PACKAGE [LINKER_FLAGS]: compile into $OUT/bin.
build() {
  mkdir -p "$OUT/bin"
  nice -n 5 go build -ldflags "-s -w ${3:-}" -o "$OUT/bin/$1" "$2"
}
