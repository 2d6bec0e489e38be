#!/usr/bin/env bash
# Fetches a real tree from a real server, twice, and compares every digest with
# sha256sum's: 2,000 files of /usr/share/doc and one of 300 MB, from nginx on
# loopback. The second time a worker is killed with -9 while it works on the large
# file, which must cost a retry of that file's work and nothing else.
#
# usage: ci/realtree.sh    (installs nginx by apt-get if it is missing and may)
set -euo pipefail
cd "$(dirname "$0")/.."

files=2000
large_bytes=300000000
port=${QUARTET_REALTREE_PORT:-18080}
base=http://127.0.0.1:$port

say() { printf '%s\n' "realtree: $*"; }
die() { say "$*" >&2; exit 1; }

if ! command -v nginx >/dev/null; then
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { say "skipped: no nginx, and it may not be installed"; exit 0; }
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nginx-light >/dev/null
fi

work=$(mktemp -d)
fetch_pid=
stop() {
	[ -z "$fetch_pid" ] || kill "$fetch_pid" 2>/dev/null || true
	[ ! -s "$work/nginx.pid" ] || kill "$(cat "$work/nginx.pid")" 2>/dev/null || true
	rm -rf "$work"
}
trap stop EXIT

# The tree. Names of /usr/share/doc that a URL would have to escape are left out.
mkdir "$work/tree"
for from in /usr/share/doc /usr/share /usr/lib; do
	[ ! -d "$from" ] || find "$from" -xdev -type f -size -1024k -readable 2>/dev/null || true
done | awk -v files="$files" '/^[A-Za-z0-9\/._+~-]+$/ && !seen[$0]++ && ++n <= files' >"$work/names"
[ "$(wc -l <"$work/names")" = "$files" ] || die "fewer than $files files on this machine"
xargs -a "$work/names" cp --parents -t "$work/tree"
head -c "$large_bytes" /dev/urandom >"$work/tree/large.bin"
chmod -R a+rX "$work" # nginx's workers are another user if it is root's

cat >"$work/nginx.conf" <<EOF
pid $work/nginx.pid;
error_log $work/error.log;
worker_processes 1;
events { worker_connections 512; }
http {
	access_log $work/access.log;
	sendfile on;
	types { }
	default_type application/octet-stream;
	server { listen 127.0.0.1:$port; root $work/tree; }
}
EOF
nginx -c "$work/nginx.conf" -p "$work" 2>"$work/nginx.out" || die "nginx does not start: $(cat "$work/nginx.out")"

(cd "$work/tree" && find . -type f -printf '%P\n' | sort) >"$work/paths"
sed "s|^|$base/|" "$work/paths" >"$work/list"
(cd "$work/tree" && xargs -a "$work/paths" sha256sum) | sed "s|  |  $base/|" | sort >"$work/want"
go build -o "$work/quartet" ./cmd/quartet

# check NAME: what the run NAME printed and wrote is right.
check() {
	sed -E 's/.*"url":"([^"]*)".*"digest":"([^"]*)".*/\2  \1/' "$work/$1.ndjson" | sort >"$work/$1.got"
	diff "$work/want" "$work/$1.got" >&2 || die "$1: digests differ from sha256sum's"
	sed -E 's/.*"file":"([^"]*)".*"digest":"([^"]*)".*/\2  \1/' "$work/$1.ndjson" | sha256sum --quiet -c - || die "$1: files differ from their records"
	[ "$(find "$work/$1" -type f | wc -l)" = "$(wc -l <"$work/list")" ] || die "$1: not one file for each URL"
	again=$(grep -c -v '"attempts":1,' "$work/$1.ndjson" || true)
	[ "$again" = 0 ] || die "$1: $again items were requested more than once"
	[ "$(wc -l <"$work/access.log")" = "$(wc -l <"$work/list")" ] || die "$1: nginx saw $(wc -l <"$work/access.log") requests"
	: >"$work/access.log"
	say "$1: $(tail -n 1 "$work/$1.log")"
	say "$1: $(wc -l <"$work/$1.got") digests equal to sha256sum's"
}

fetch() { "$work/quartet" fetch --json --digest sha256 -i "$work/list" -d "$work/$1" >"$work/$1.ndjson" 2>"$work/$1.log"; }

fetch plain || die "plain: exit $?: $(tail -n 5 "$work/plain.log")"
check plain

# Kill the worker that has the large file open.
fetch killed &
fetch_job=$!
victim=
while [ -z "$victim" ] && kill -0 "$fetch_job" 2>/dev/null; do
	fd=$(find /proc/[0-9]*/fd -lname "$work/killed/large.bin" -print -quit 2>/dev/null || true)
	[ -n "$fd" ] || continue
	pid=${fd#/proc/}
	kill -9 "${pid%%/*}" && victim=${pid%%/*}
done
wait "$fetch_job" || die "killed: exit $?: $(tail -n 5 "$work/killed.log")"
[ -n "$victim" ] || die "killed: no worker was seen with the large file"
check killed
[ "$(grep -c 'work is done again' "$work/killed.log")" = 1 ] || die "killed: not one piece of work was done again"
grep -F "large.bin: " "$work/killed.log" | grep -F "worker $victim died" || die "killed: nothing told of the death of $victim"
say "ok"
