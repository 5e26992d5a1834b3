#!/bin/sh
# The whole suite. BIN is the venv's bin folder; EMBEDDED=1 leaves the servers out.
set -eu

: "${BIN:=.venv/bin}"
began=$(date +%s)
# Nothing of the person's own site may leak in, and nothing may stay outside.
unset MAGICSHOT_HOME HOST PORT SITE_URL DATABASE_URL BROKER_URL CACHE_URL MEDIA_ROOT \
    MODELS_DIR SECRET_KEY EMAIL_URL ALLOWED_HOSTS DEBUG S3_BUCKET SIGN_UP
TMPDIR=$(mktemp -d /tmp/magicshot.XXXXXX)
chmod 1777 "$TMPDIR"
export TMPDIR HF_HUB_OFFLINE=1 COVERAGE_FILE="$TMPDIR/coverage"

finish() {
    code=$?
    rm -rf "$TMPDIR"
    [ -z "${EMBEDDED:-}" ] ||
        echo "!! PARTIAL: without PostgreSQL, Redis and RabbitMQ (EMBEDDED=1)"
    took=$(($(date +%s) - began))
    echo "== make test took $((took / 60)) min $((took % 60)) s, exit code $code"
}
trap finish EXIT

sh scripts/check.sh
(
    . scripts/services.sh

    only="not (live or gpu)"
    [ -z "${EMBEDDED:-}" ] || only="$only and not services"
    status=0
    echo "== Unit and integration tests, two at a time"
    two="-n 2 --dist loadfile --no-loadscope-reorder"  # long files first: conftest.py
    # shellcheck disable=SC2086
    "$BIN/coverage" run -m pytest -q $two \
        -m "$only and not (browser or chaos or whole_site)" || status=$?
    echo "== Browser, chaos and whole-site tests, two at a time"
    # shellcheck disable=SC2086
    "$BIN/coverage" run -m pytest -q $two \
        -m "$only and (browser or chaos or whole_site)" || status=$?
    "$BIN/coverage" combine --quiet
    "$BIN/coverage" report --fail-under=90 || status=$?
    exit $status
)
