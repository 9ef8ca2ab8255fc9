#!/usr/bin/env bash
# How pretrained/v1 was made: about two hours on two cores. Needs Debian 12 and the train extra; interrupt it as you like,
# the same command goes on from its checkpoint.
set -euo pipefail
cd "$(dirname "$0")"
apt-get install -y --no-install-recommends $(grep -v '^#' debian-fonts.txt)
families() { # the folders of the benchmark's validation fonts (benchmarks/requirements.txt)
    PYTHONPATH=../.. python -c "
import importlib.util
from benchmarks.fonts import VALIDATION
for name in VALIDATION:
    print(importlib.util.find_spec('fontpkg_' + name.replace('-', '_')).submodule_search_locations[0])"
}
measured=(); for folder in $(families); do measured+=(--measure-fonts "$folder"); done
elasticache-police train --name ElastiCache --fonts /usr/share/fonts --fonts /usr/share/texmf/fonts \
    --exclude-families exclude-families.txt "${measured[@]}" --start-from start \
    --finder-steps 4500 --reader-steps 10000 --threads 1 --seed 1 --out "${1:-../../runs/v1}"
