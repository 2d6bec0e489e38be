#!/usr/bin/env bash
# Runs each fuzz target of the library for FUZZTIME.
set -euo pipefail
cd "$(dirname "$0")/.."

grep -rlE '^func Fuzz' --include='*_test.go' . | while read -r file; do
	dir=$(dirname "$file")
	for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$file"); do
		(cd "$dir" && go test -run='^$' -fuzz="^$target\$" -fuzztime="${FUZZTIME:-20s}" .)
	done
done
