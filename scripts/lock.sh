#!/bin/sh
# Resolve requirements/*.in into lock files with hashes, by uv in a venv of its own.
#
# torch and its GPU libraries are taken out of local.txt again: their wheels differ by
# platform, and install.sh installs them apart.
set -eu

: "${PYTHON:=python3.11}"
uv=build/lock/bin/uv
if [ ! -x $uv ]; then
    "$PYTHON" -m venv build/lock
    build/lock/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
fi

# uv reads neither pip's find-links nor its own as a path list: hand it over.
links=
for folder in ${PIP_FIND_LINKS:-}; do
    links="$links --find-links $folder"
done

cd requirements
for name in uv base onnx local dev; do
    # shellcheck disable=SC2086
    ../$uv pip compile --quiet --generate-hashes --no-header --python-version 3.11 \
        $links "$name.in" -o "$name.txt"
done
# shellcheck disable=SC2086
../$uv pip compile --quiet --no-deps --generate-hashes --no-header \
    --python-version 3.11 $links gatys.in -o gatys.txt
awk '
    /^[a-z0-9]/ { skip = /^(torch|triton|nvidia-[a-z0-9-]*|cuda-[a-z0-9-]*)==/ }
    !skip
' local.txt >local.txt.new
mv local.txt.new local.txt
