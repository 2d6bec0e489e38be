#!/usr/bin/env bash
# Runs aiohttp against servers and proxies that others wrote, from Debian's packages.
# What is missing is installed where that is possible, else skipped and told.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A package=([nginx]=nginx-light [lighttpd]=lighttpd [nghttpd]=nghttp2-server [squid]=squid [microsocks]=microsocks [node]=nodejs)
missing() {
	for program in "${!package[@]}"; do
		PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || echo "${package[$program]}"
	done
	/usr/bin/python3 -c 'import aiohttp' 2>/dev/null || echo python3-aiohttp
}

install() {
	# What is installed here must not start as a service.
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d
	trap 'rm -f /usr/sbin/policy-rc.d' RETURN
	export DEBIAN_FRONTEND=noninteractive
	timeout 120 apt-get -qq update && timeout 120 apt-get -qq install -y --no-install-recommends "$@" >/dev/null
}

mapfile -t wanted < <(missing)
if [ ${#wanted[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ ! -e /usr/sbin/policy-rc.d ]; then
	install "${wanted[@]}" || true
	mapfile -t wanted < <(missing)
fi
[ ${#wanted[@]} = 0 ] || echo "interop: not installed, and so skipped: ${wanted[*]}"
QUARTET_INTEROP=1 exec go test -count=1 -run 'TestInterop|TestHTTPBin' -v ./aiohttp
