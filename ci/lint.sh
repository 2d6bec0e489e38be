#!/usr/bin/env bash
# What the machine can say of the code without running it.
set -euo pipefail
cd "$(dirname "$0")/.."

# The pinned tools as programs, so that they can run inside the workspace too.
gofumpt=$(GOWORK=off go tool -modfile=tools/go.mod -n gofumpt)
staticcheck=$(GOWORK=off go tool -modfile=tools/go.mod -n staticcheck)
# empty COMMAND... fails when the command prints something.
empty() {
	local out
	out=$("$@") || { printf '%s\n' "$out"; return 1; }
	[ -z "$out" ] || { printf '%s:\n%s\n' "$*" "$out"; return 1; }
}

mapfile -t files < <(git ls-files '*.go')
empty "$gofumpt" -l "${files[@]}"
empty env GOWORK=off go mod tidy -diff
go vet work
for target in darwin/arm64 windows/amd64 linux/arm64; do
	GOOS=${target%/*} GOARCH=${target#*/} go vet work
done
for dir in . cmd/quartet; do
	(cd "$dir" && empty go fix -diff ./... && "$staticcheck" ./...)
done
(cd bench && go vet ./...)
