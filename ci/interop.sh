#!/usr/bin/env bash
# Runs aiohttp against servers and proxies that others wrote, from Debian's packages.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A package=([nginx]=nginx-light [lighttpd]=lighttpd [nghttpd]=nghttp2-server [squid]=squid [microsocks]=microsocks [node]=nodejs)
missing=()
for program in "${!package[@]}"; do
	PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || missing+=("${package[$program]}")
done
/usr/bin/python3 -c 'import aiohttp' 2>/dev/null || missing+=(python3-aiohttp)
if [ ${#missing[@]} -gt 0 ]; then
	apt-get update -q >/dev/null
	# What is installed here must not start as a service.
	printf '#!/bin/sh\nexit 101\n' >/tmp/policy-rc.d && install -m 755 /tmp/policy-rc.d /usr/sbin/policy-rc.d && rm /tmp/policy-rc.d
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q "${missing[@]}" >/dev/null
	rm -f /usr/sbin/policy-rc.d
fi
QUARTET_INTEROP=1 exec go test -count=1 -run 'TestInterop|TestHTTPBin' -v ./aiohttp
