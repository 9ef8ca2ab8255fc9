#!/bin/sh
# Renews the pinned requirements of the images. Needs uv; run it after changing the dependencies in pyproject.toml.
set -eu
cd "$(dirname "$0")"
lock() { uv pip compile --quiet --no-header --no-annotate --no-emit-index-url --generate-hashes --upgrade "$@"; }
lock --universal --python-version 3.11 --extra train -o requirements-train.txt ../pyproject.toml
lock --universal --python-version 3.11 --extra pdf -o requirements-inspect.txt ../pyproject.toml
printf 'hatchling\n' | lock --universal --python-version 3.11 -o requirements-build.txt -
lock --python-version 3.12 --python-platform x86_64-manylinux_2_28 -c requirements-train.txt --extra train \
    --override no-cpu-tensorflow.txt -o requirements-train-gpu.txt ../pyproject.toml requirements-train-gpu.in
