#!/bin/bash
# Runs EXTERNAL tasks for real: our command line -> ECS's API (ministack) -> podman -> the inspection image.
#
# Needs root, podman and runc, an image that `KEEP=DIR containers/ci.sh inspect` left, PYTHON (this package), and
# MINISTACK, an interpreter with the packages ministack and docker:
#
#   KEEP=DIR MINISTACK=venv/bin/python containers/ecs-for-real.sh
#
# ministack knows no external instances and no Systems Manager: a task just runs on this machine. What it shows is that
# our requests are ECS's, that the image works as a task, and that exit codes and logs come back.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON="${PYTHON:-python3}"
image="${IMAGE:-localhost/police-inspect:ci}"
graph="${KEEP:?KEEP names the directory that containers/ci.sh left}"
work=$(mktemp -d)
. containers/engine.sh
use_storage "$graph" "$work"
started=()
cleanup() {
    for process in "${started[@]}"; do kill "$process" 2>/dev/null || :; done
    podman rm -af >/dev/null 2>&1 || :
    rm -rf "$work"
}
trap cleanup EXIT
step() { echo "[$SECONDS s] $*"; }

export DOCKER_HOST="unix://$work/podman.sock"
podman system service --time 0 "$DOCKER_HOST" >"$work/podman.log" 2>&1 &
started+=($!)
export AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true
BIND_HOST=127.0.0.1 GATEWAY_PORT=4599 LOG_LEVEL=WARNING "$MINISTACK" -m ministack >"$work/ministack.log" 2>&1 &
started+=($!)
export AWS_ENDPOINT_URL=http://127.0.0.1:4599
police() { "$PYTHON" -m elasticache_police "$@"; }
step "waiting for podman's and ministack's APIs"
for _ in $(seq 120); do
    if [ -S "$work/podman.sock" ] && "$PYTHON" -c 'from elasticache_police import ecs_anywhere as e; e.ensure_cluster("police")' 2>/dev/null; then break; fi
    sleep 1
done
role=arn:aws:iam::000000000000:role/police
one=(ecs run police --image "$image" --network host --execution-role "$role" --cpu 256 --memory 512)

step "a task that ends well: its log comes back"
police "${one[@]}" --family well -- --version | tee "$work/well.log"
grep -q 'elasticache-police [0-9]' "$work/well.log"

step "a task that fails: its exit code comes back"
if police "${one[@]}" --family badly -- inspect /nothing-there 2>"$work/badly.log"; then
    echo "a failed task looked like a good one"
    exit 1
fi
grep 'exit code 2' "$work/badly.log"

step "a collection: two containers take pictures from one queue"
"$PYTHON" - "$image" <<'END'
import os, sys
from pathlib import Path
import boto3
from elasticache_police import ecs_anywhere as ecs

s3 = boto3.client("s3")
s3.create_bucket(Bucket="pictures")
for picture in sorted(Path("examples").glob("*.png")):
    s3.upload_file(str(picture), "pictures", f"decks/{picture.name}")
s3.put_object(Bucket="pictures", Key="decks/broken.png", Body=b"no picture")
settings = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
task = ecs.TaskSpec(
    family="elasticache-police-inspect", image=sys.argv[1], network_mode="host", environment=settings, cpu_units=256
)
report = ecs.inspect_on("police", "s3://pictures/decks/", task, tasks=2, delay_s=2, on_progress=lambda now: print(" ", now.status))
print(report)
assert [failure.file for failure in report.failures] == ["s3://pictures/decks/broken.png"], report.failures
assert report.misspelled_pictures >= 1
END
step done
