#!/bin/sh
# Everything that reads the code without running it. BIN is the venv's bin folder.
set -eu

: "${BIN:=.venv/bin}"
MAGICSHOT_HOME=$(mktemp -d "${TMPDIR:-/tmp}/magicshot-check.XXXXXX")
export MAGICSHOT_HOME
trap 'rm -rf "$MAGICSHOT_HOME"' EXIT

step() {
    echo "== $*"
    "$@"
}

step "$BIN/ruff" check --quiet .
step "$BIN/ruff" format --check --quiet .
step "$BIN/djlint" --quiet --lint templates
step "$BIN/mypy" --no-error-summary .
step "$BIN/lint-imports" --no-logo
step "$BIN/python" manage.py makemigrations --check --dry-run
SITE_URL=https://magicshot.example ALLOWED_HOSTS=magicshot.example SIGN_UP=invitation \
    step "$BIN/python" manage.py check --deploy --fail-level WARNING
