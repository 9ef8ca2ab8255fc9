#!/bin/bash
# Builds both images and runs them for real, without a Docker engine and without a registry.
#
# A base system made by mmdebstrap stands in for python:3.12-slim-bookworm (its Python is Debian's 3.11). Needs root, and
#   apt-get install -y --no-install-recommends buildah podman runc mmdebstrap
# and PYTHON, an interpreter with this package, its train extra and moto[server], for the local S3 and the last check.
#
#   containers/ci.sh [inspect|train|all]
#
# With MINISTACK, an interpreter that has the packages ministack and docker, containers/ecs-for-real.sh comes last.
#
# KEEP=DIR keeps base and layers there, so that the next run builds only what changed. Every step says after how many
# seconds it began.
#
# Where packages come through a proxy of your own: its certificates and pip.conf are mounted while building, and the
# last step checks that neither they nor their host stay in an image.
set -euo pipefail
cd "$(dirname "$0")/.."
what="${1:-all}"
PYTHON="${PYTHON:-python3}"
graph="${KEEP:-$(mktemp -d)}"
work=$(mktemp -d)
server=""
. containers/engine.sh
use_storage "$graph" "$work"
cleanup() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || :; fi
    podman rm -af >/dev/null 2>&1 || :
    if [ -z "${KEEP:-}" ]; then
        buildah rmi -af >/dev/null 2>&1 || :
        rm -rf "$graph"
    fi
    rm -rf "$work"
}
trap cleanup EXIT
step() { echo "[$SECONDS s] $*"; }

if ! buildah inspect --type image localhost/ci-base:latest >/dev/null 2>&1; then
    step "base: a small Debian stands in for python:3.12-slim-bookworm"
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3,python3-pip,python3-venv bookworm "$work/base.tar"
    base=$(buildah from scratch)
    buildah add -q "$base" "$work/base.tar" / >/dev/null
    root=$(buildah mount "$base")
    ln -sf /usr/bin/python3 "$root/usr/local/bin/python"
    rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
    buildah umount "$base" >/dev/null
    buildah config --env PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin "$base"
    buildah commit -q --rm "$base" localhost/ci-base:latest >/dev/null
    rm "$work/base.tar"
fi

mounts=()
for file in /etc/ssl/certs/ca-certificates.crt /etc/pip.conf; do
    if [ -f "$file" ]; then mounts+=(-v "$file:$file:ro"); fi
done

build() { # name: containers/NAME.Dockerfile -> localhost/police-NAME
    step "build $1"
    buildah bud -q --layers --pull-never --build-arg PYTHON=localhost/ci-base:latest --build-arg REVISION="$(git rev-parse HEAD)" \
        "${mounts[@]}" -f "containers/$1.Dockerfile" -t "police-$1:ci" . >"$work/build.log" 2>&1 || {
        tail -40 "$work/build.log"
        exit 1
    }
    podman run --rm --pull=never --network none --entrypoint sh "localhost/police-$1:ci" -c \
        'test ! -s /etc/pip.conf && test "$(id -u)" = 10001 && ! touch /opt/police/x 2>/dev/null'
    step "$1: $(podman image inspect --format '{{.Size}}' "localhost/police-$1:ci" | awk '{printf "%.0f MB", $1/1e6}')"
}

locked=(--rm --pull=never --read-only --memory 4g --pids-limit 512)

if [ "$what" != train ]; then
    build inspect
    step "inspect: no network, read-only"
    podman run "${locked[@]}" --network none localhost/police-inspect:ci --version
    podman run "${locked[@]}" --network none --entrypoint python localhost/police-inspect:ci -c \
        'import importlib.util as u; assert u.find_spec("tensorflow") is None, "TensorFlow in the small image"'
    code=0
    podman run "${locked[@]}" --network none -v "$PWD/examples:/pictures:ro" localhost/police-inspect:ci \
        inspect /pictures/architecture.png --format json >"$work/report.json" || code=$?
    test "$code" -le 1 && "$PYTHON" -c 'import json,sys; print(json.load(open(sys.argv[1]))["summary"])' "$work/report.json"
fi

if [ "$what" != inspect ]; then
    build train
    step "train: a tiny model, in the container, to S3 on loopback"
    "$PYTHON" -m moto.server -H 127.0.0.1 -p 5599 >"$work/moto.log" 2>&1 &
    server=$!
    export AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing AWS_DEFAULT_REGION=us-east-1
    export AWS_ENDPOINT_URL=http://127.0.0.1:5599
    for _ in $(seq 60); do
        if "$PYTHON" -c 'import boto3; boto3.client("s3").create_bucket(Bucket="models")' 2>/dev/null; then break; fi
        sleep 1
    done
    tiny=(--reader-steps 2 --finder-batch 1 --reader-batch 2 --evaluation-crops 2 --evaluation-pages 1 --workers 0)
    settings=(--network host -e AWS_ACCESS_KEY_ID -e AWS_SECRET_ACCESS_KEY -e AWS_DEFAULT_REGION -e AWS_ENDPOINT_URL)
    settings+=(-e POLICE_OUT=s3://models/model.tar.gz -e POLICE_CHECKPOINTS=s3://models/keep)
    list_keys='import sys, boto3
found = boto3.client("s3").list_objects_v2(Bucket="models", Prefix=sys.argv[1])
print(*(one["Key"] for one in found.get("Contents", [])))'
    keys() { "$PYTHON" -c "$list_keys" "$1"; }

    # A training that would take for ever is told to end, as ECS does it, once it has learned a little.
    podman run -d --name stopped "${locked[@]:1}" "${settings[@]}" localhost/police-train:ci \
        -- --finder-steps 100000 "${tiny[@]}" >/dev/null
    until podman exec stopped test -s /work/run/finder/log.jsonl 2>/dev/null; do
        if [ "$(podman inspect --format '{{.State.Running}}' stopped)" != true ]; then
            podman logs stopped
            exit 1
        fi
        sleep 1
    done
    step "train: SIGTERM"
    podman kill --signal TERM stopped >/dev/null
    code=$(podman wait stopped)
    step "train: exit code $code"
    podman logs stopped 2>&1 | grep -E '^(train|health)'
    test "$code" = 143
    keys keep/
    keys keep/ | grep -q keep/finder/checkpoint.npz

    step "train: it resumes from the checkpoint and leaves the model in S3"
    podman run "${locked[@]}" "${settings[@]}" localhost/police-train:ci -- --finder-steps 2 "${tiny[@]}" | tee "$work/train.log"
    grep -q 'train: resuming from s3://models/keep' "$work/train.log"
    test -z "$(keys keep/)" && keys model.tar.gz
    step "load: the archive is asked about a line, and the directory about a picture"
    "$PYTHON" - "$work" <<'END'
import sys, tarfile
from pathlib import Path
import boto3, numpy, tensorflow
folder = Path(sys.argv[1])

def unpacked(name):
    boto3.client("s3").download_file("models", f"{name}.tar.gz", str(folder / f"{name}.tar.gz"))
    with tarfile.open(folder / f"{name}.tar.gz") as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Debian 12's Python has none
        archive.extractall(folder / name)
    return folder / name

model = tensorflow.saved_model.load(str(unpacked("model") / "1"))
line = tensorflow.constant(numpy.ones((1, 50, 700, 1), "float32"))
score = float(model.signatures["serving_default"](image=line)["score"][0, 0])
assert 0.0 <= score <= 1.0, score
print("the model answers", score)
from elasticache_police import Police
(page,) = Police.from_model(unpacked("model.directory")).inspect("examples/architecture.png").pages
print("its directory looks at a picture of", page.width, "x", page.height)
END
fi
if [ -n "${MINISTACK:-}" ] && [ "$what" != train ]; then
    step "ECS: tasks of launch type EXTERNAL"
    PYTHON="$PYTHON" KEEP="$graph" containers/ecs-for-real.sh
fi
step done
