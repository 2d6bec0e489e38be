#!/bin/sh
# Installs the peers that bench/compare measures against: nginx, aria2, curl and
# GNU parallel from Debian when they are missing and we are root, and the Python
# libraries of requirements.txt into a virtual environment outside the work tree.
# Whatever cannot be had is told, and is a printed skip in the comparison.
#
#   bench/setup.sh            install
#   bench/setup.sh --python   print the newest CPython of this machine and stop
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/quartet-bench
say() { echo "bench/setup: $*" >&2; }

# newest_python prints the interpreter with the highest version, at least 3.10,
# of those that pyenv keeps and those on the PATH.
newest_python() {
	for python in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3 \
		$(command -v python3.15 python3.14 python3.13 python3.12 python3.11 python3.10 python3); do
		[ -x "$python" ] || continue
		"$python" -c 'import platform, sys, venv
if sys.version_info >= (3, 10) and platform.python_implementation() == "CPython":
    print("%03d%03d%03d" % sys.version_info[:3], sys.executable)' 2>/dev/null || true
	done | sort -s -k1,1 -r | head -n 1 | cut -d' ' -f2-
}

python=$(newest_python)
if [ "${1:-}" = --python ]; then
	echo "$python"
	exit
fi

missing=
for pair in nginx:nginx aria2c:aria2 curl:curl parallel:parallel; do
	PATH=$PATH:/usr/sbin command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	say "installing$missing"
	# A service must not start by itself: the harness starts its own nginx.
	export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
	{ apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing; } >/dev/null || say "apt-get could not install$missing"
elif [ -n "$missing" ]; then
	say "not installed and not root:$missing"
fi

if [ -z "$python" ]; then
	say "no CPython of at least 3.10: the Python peers are skipped"
	exit 0
fi
stamp=$("$python" -VV; cat "$here/requirements.txt")
if [ "$(cat "$cache/stamp" 2>/dev/null)" != "$stamp" ]; then
	say "virtual environment of $("$python" -V) in $cache"
	rm -rf "$cache/venv" "$cache/stamp"
	mkdir -p "$cache"
	"$python" -m venv "$cache/venv"
	if ! "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: -r "$here/requirements.txt"; then
		# One library without a wheel must not cost the others.
		grep -v '^#' "$here/requirements.txt" | while read -r line; do
			[ -z "$line" ] || "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$line" || say "could not install $line"
		done
	else
		printf '%s\n' "$stamp" >"$cache/stamp"
	fi
fi
say "peers in $cache/venv ($("$cache/venv/bin/python" -V))"
