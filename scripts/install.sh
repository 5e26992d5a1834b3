#!/bin/sh
# Make .venv and install the lock files named as arguments into it.
#
# Two installs: everything pinned with hashes, then torch, whose wheel differs by
# platform. TORCH=cpu takes a local wheel first (pip's own find-links) and PyTorch's
# CPU index otherwise, cuda takes PyPI's, none leaves out all that needs torch.
# EXTRAS=gatys adds the lock file of that name.
# STAMP is the file that says it was done; PYTHON the interpreter to begin with.
set -eu

VERSION=2.13.0
: "${PYTHON:=python3.11}" "${TORCH:=cpu}" "${EXTRAS:=}" "${STAMP:=.venv/installed}"
export PIP_DISABLE_PIP_VERSION_CHECK=1

fail() {
    echo "magicshot: $*" >&2
    exit 1
}

case "$TORCH" in
cpu | cuda | none) ;;
*) fail "TORCH must be cpu, cuda or none, not '$TORCH'." ;;
esac
case "$EXTRAS" in
"" | gatys) ;;
*) fail "EXTRAS must be gatys or nothing, not '$EXTRAS'." ;;
esac

if [ ! -x .venv/bin/python ] || [ ! -x .venv/bin/pip ]; then
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null ||
        fail "Python 3.11 is needed. Name it with PYTHON=/path/to/python3.11."
    "$PYTHON" -m venv .venv ||
        fail "cannot make .venv (on Debian: apt-get install python3.11-venv)."
fi

# shellcheck disable=SC2086
set -- base onnx "$@" $EXTRAS
[ "$TORCH" = none ] || set -- local "$@"
files=
for name in "$@"; do
    case "$files" in
    *"requirements/$name.txt"*) ;;
    *) files="$files -r requirements/$name.txt" ;;
    esac
done

echo "Installing into .venv (the first time takes a minute or two)..."
# uv is ten times quicker than pip. Where it cannot be had, or does not reach the index
# that pip is set up for, pip does the same work. Compiled here and by all cores, the
# packages need not be compiled by each process of the site's first start.
# shellcheck disable=SC2086
{
    .venv/bin/pip install --quiet --require-hashes -r requirements/uv.txt &&
        .venv/bin/uv pip install --quiet --compile-bytecode \
            --python .venv/bin/python --no-deps --require-hashes $files
} 2>/dev/null || .venv/bin/pip install --quiet --no-deps --require-hashes $files

installed=$(.venv/bin/python -c '
from importlib.metadata import PackageNotFoundError, version
try:
    print(version("torch"))
except PackageNotFoundError:
    print("none")')
case "$TORCH:$installed" in
none:none | "cpu:$VERSION+cpu") ;;
none:*)
    .venv/bin/pip uninstall --quiet --yes torch
    ;;
cpu:*)
    # PyPI's wheel for macOS carries no "+cpu" and is one: taken as it is.
    .venv/bin/pip install --quiet --no-deps --force-reinstall --no-index \
        "torch==$VERSION" 2>/dev/null ||
        .venv/bin/pip install --quiet --no-deps --force-reinstall \
            --index-url https://download.pytorch.org/whl/cpu "torch==$VERSION"
    ;;
cuda:*)
    case "$installed" in
    *+cpu) .venv/bin/pip uninstall --quiet --yes torch ;;
    esac
    .venv/bin/pip install --quiet "torch==$VERSION"
    ;;
esac

rm -f .venv/installed-*
touch "$STAMP"
