#!/bin/bash
# Says whether images can be built and run on this machine: builds one of a single program, runs it, and is done in a
# second. Exit code 0, or 1 and the reason.
set -uo pipefail
cd "$(dirname "$0")"
. ./engine.sh
no() {
    echo "$*"
    exit 1
}

[ "$(id -u)" = 0 ] || no "it needs root"
for tool in buildah podman runc mmdebstrap; do
    command -v "$tool" >/dev/null || no "$tool is not installed"
done
work=$(mktemp -d)
use_storage "$work" "$work"
trap 'buildah rm -a >/dev/null 2>&1; buildah rmi -af >/dev/null 2>&1; rm -rf "$work"' EXIT
free=$(df --output=avail -BG "$work" | tail -n 1 | tr -dc 0-9)
[ "$free" -ge 12 ] || no "$free GB are free in ${TMPDIR:-/tmp}, 12 are needed"

probe() {
    local base root file
    base=$(buildah from scratch)
    root=$(buildah mount "$base")
    for file in /bin/true $(ldd /bin/true | grep -o '/[^ ]*'); do
        mkdir -p "$root$(dirname "$file")"
        cp -L "$file" "$root$file"
    done
    buildah umount "$base"
    buildah run "$base" /bin/true
    buildah commit -q --rm "$base" localhost/probe:latest
    podman run --rm --pull=never --read-only --network none --memory 64m --pids-limit 64 localhost/probe:latest /bin/true
}
(
    set -e
    probe
) >"$work/log" 2>&1
[ "$?" = 0 ] || no "no image can be built and run: $(tail -n 1 "$work/log")"
