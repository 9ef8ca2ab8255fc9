#!/usr/bin/env bash
# How pretrained/v1 was made: half an hour on two cores. Needs Debian 12 and the train extra; interrupt it as you like,
# the same command goes on from its checkpoint.
set -euo pipefail
cd "$(dirname "$0")"
out="${1:-../../runs/v1}"
apt-get install -y --no-install-recommends $(grep -v '^#' debian-fonts.txt)

# TeX's fonts are unpacked, not installed: of their 1.4 GB only the folders of tex-fonts.txt are drawn with. Those of its
# faces that are written by hand get folders of two, so that they come as often as others: a large folder counts little.
if [ ! -d faces ]; then
    apt-get download texlive-fonts-extra
    dpkg-deb --fsys-tarfile texlive-fonts-extra_*.deb | tar -x ./usr/share/texlive/texmf-dist/fonts
    mkdir -p faces.new/tex faces.new/scripts
    for folder in $(grep -v '^#' tex-fonts.txt); do
        cp -r "usr/share/texlive/texmf-dist/fonts/$folder" faces.new/tex/
    done
    number=0
    for face in $(grep -v '^#' script-faces.txt); do
        mkdir -p "faces.new/scripts/$((number / 2))"
        cp "$(find usr /usr/share/fonts /usr/share/texmf/fonts -name "$face" | sort | head -n 1)" \
            "faces.new/scripts/$((number / 2))/"
        number=$((number + 1))
    done
    rm -r usr texlive-fonts-extra_*.deb
    mv faces.new faces
fi

families() { # the folders of the benchmark's validation fonts (benchmarks/requirements.txt)
    PYTHONPATH=../.. python -c "
import importlib.util
from benchmarks.fonts import VALIDATION
for name in VALIDATION:
    print(importlib.util.find_spec('fontpkg_' + name.replace('-', '_')).submodule_search_locations[0])"
}
measured=(); for folder in $(families); do measured+=(--measure-fonts "$folder"); done
elasticache-police train --name ElastiCache --fonts faces --fonts /usr/share/fonts --fonts /usr/share/texmf/fonts \
    --exclude-families exclude-families.txt "${measured[@]}" --start-from start \
    --finder-steps 0 --reader-steps 5500 --reader-rate 8e-4 --evaluation-crops 2000 --evaluation-pages 160 --threads 1 --seed 29 --out "$out"
