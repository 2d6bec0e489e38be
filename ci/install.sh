#!/usr/bin/env bash
# Installs what some tests drive as a real peer, where that is possible and asked
# for: in CI. Elsewhere such a test prints that it is skipped, and why.
set -euo pipefail
[ "${CI:-}" = true ] || exit 0

missing=()
for program in nginx; do
	command -v "$program" >/dev/null || missing+=("$program")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "not installed, and no way to: ${missing[*]}" >&2
	exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update && apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
