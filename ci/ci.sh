#!/usr/bin/env bash
# All that must pass before a change lands, in the order in which it fails fastest.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s (%ds)\n' "$*" "$SECONDS"; "$@"; }

step bash ci/install.sh
step bash ci/lint.sh
step go test work
step go test -race work
step bash ci/examples.sh
step env QUARTET_SOAK=60s go test -count=1 -run TestKillStorm ./multiprocessing
step bash ci/realtree.sh
step bash ci/interop.sh
printf '\n== all of it passed (%ds)\n' "$SECONDS"
