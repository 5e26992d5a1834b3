#!/bin/sh
# Kill real processes at every kill point, twenty times each, on both kinds of site.
set -eu

: "${BIN:=.venv/bin}"
TMPDIR=$(mktemp -d /tmp/magicshot.XXXXXX)
chmod 1777 "$TMPDIR"
export TMPDIR CHAOS_KILLS="${CHAOS_KILLS:-20}"
(
    . scripts/services.sh
    "$BIN/python" -m pytest -q -m chaos --timeout 3600
)
rm -rf "$TMPDIR"
