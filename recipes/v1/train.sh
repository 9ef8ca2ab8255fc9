#!/usr/bin/env bash
# How pretrained/v1 was made: an hour and twenty minutes on two cores. Needs Debian 12, npm and the train extra; interrupt it
# as you like, the same command goes on from its checkpoint.
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

    # Web fonts, a folder for every family: light, plain, bold and italic, in a form that is quick to open.
    npm pack --silent $(grep -v '^#' web-fonts.txt | sed 's|^|@fontsource/|') > /dev/null
    for package in $(grep -v '^#' web-fonts.txt); do
        name="${package%@*}"
        mkdir -p "faces.new/web/$name"
        for kind in 200-normal 400-normal 700-normal 400-italic; do
            tar -xzf "fontsource-$name-${package#*@}.tgz" -C "faces.new/web/$name" --strip-components=2 \
                "package/files/$name-latin-$kind.woff" 2> /dev/null || true # not every family has them all
        done
        rm "fontsource-$name-${package#*@}.tgz"
    done
    python -c "
from pathlib import Path
from fontTools.ttLib import TTFont
for path in Path('faces.new/web').rglob('*.woff'):
    with TTFont(path) as font:
        font.flavor = None
        font.save(path.with_suffix('.ttf' if 'glyf' in font else '.otf'))
    path.unlink()"
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
    --start-share 0.5 --finder-steps 0 --reader-steps 14000 --reader-rate 1.2e-3 \
    --evaluation-crops 2000 --evaluation-pages 160 \
    --threads 1 --workers 2 --seed 41 --out "$out"
