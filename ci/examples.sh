#!/usr/bin/env bash
# Builds and runs every example and compares what it prints with its output.txt,
# after its output.sed, if there is one, has replaced what differs by nature.
set -uo pipefail
cd "$(dirname "$0")/.."

bin=$(mktemp -d) && trap 'rm -rf "$bin"' EXIT
go build -o "$bin" ./examples/... || exit 1

passed=0 failed=0
for dir in examples/*/; do
	name=$(basename "$dir")
	[ "$(wc -l <"$dir/main.go")" -lt 100 ] || { echo "FAIL $name: 100 lines or more"; failed=$((failed + 1)); continue; }
	got=$(timeout 60 "$bin/$name" 2>&1) || { echo "FAIL $name: exit $?"; printf '%s\n' "$got"; failed=$((failed + 1)); continue; }
	[ ! -f "$dir/output.sed" ] || got=$(sed -E -f "$dir/output.sed" <<<"$got")
	if diff <(printf '%s\n' "$got") "$dir/output.txt"; then
		passed=$((passed + 1))
	else
		echo "FAIL $name: printed the lines marked <, its output.txt has those marked >"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
