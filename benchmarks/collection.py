"""A large collection with 1, 2 and 4 worker processes, and with workers killed at seeded moments.

    python benchmarks/collection.py --pictures 200 --workers 1 2 4
    python benchmarks/collection.py --pictures 200 --workers 4 --kills 100 --seed 1

Real workers, real boto3, moto's S3 and SQS on loopback; a picture takes `--work` seconds of CPU in place of a model, or
`--wait` seconds of waiting where this machine's cores are few or busy, or the packaged model looks at pictures of
`--folder`. Prints pictures a second per number of workers, or what the kills
lost and duplicated: nothing. moto answers from one process under Python's lock, so its share grows with the workers:
the figures show how the workers scale, not how AWS does.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "ecs"))

BUCKET = "collection"


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--work", type=float, default=0.15, help="seconds of CPU a picture takes")
    parser.add_argument("--wait", type=float, help="seconds of waiting a picture takes, in place of CPU")
    parser.add_argument("--folder", type=Path, help="real pictures, looked at by the packaged model")
    parser.add_argument("--kills", type=int, default=0, help="SIGKILLs, at seeded moments")
    parser.add_argument("--poison", type=int, default=0, help="pictures that nobody can read, among the others")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "POLICE_TEST_WORK_S": str(options.work),
        "POLICE_TEST_WAIT_S": str(options.wait or 0),
        "OMP_NUM_THREADS": "1",
    }
    try:
        for count in options.workers:
            measure(options, count)
    finally:
        server.stop()


def measure(options: argparse.Namespace, count: int) -> None:
    """Inspect the pictures with a number of workers and print one line."""
    import boto3
    from local_crew import LocalCrew

    from elasticache_police import ecs_anywhere as ecs

    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    wanted = put_pictures(s3, options, count)
    crews: list[LocalCrew] = []

    def crew(job: ecs.CollectionJob, number: int) -> LocalCrew:
        made = LocalCrew(
            job,
            number,
            main="packaged_worker" if options.folder else "quick_inspector",
            kills=options.kills if not crews else 0,
            seed=options.seed,
        )
        crews.append(made)
        return made

    report = ecs.inspect_on(
        ecs.Cluster("local"),
        f"s3://{BUCKET}/{count}/",
        results=f"s3://{BUCKET}/results-{count}",
        tasks=count,
        crew=crew,
        delay_s=0.5,
        visibility_timeout_s=5 if options.kills else 60,
        timeout_s=7200,
    )
    place = report.report_uri.removeprefix(f"s3://{BUCKET}/")
    files = [one["file"] for one in json.loads(s3.get_object(Bucket=BUCKET, Key=place)["Body"].read())["files"]]
    named = {failure.file for failure in report.failures}
    poison = {uri for uri in wanted if "/poison-" in uri}
    lost, twice = len(wanted - set(files)) + len(named - poison), len(files) - len(set(files))
    killed = sum(one.killed for one in crews)
    print(
        f"{count} worker(s): {report.pictures} pictures in {report.elapsed_s:.1f} s, {report.pictures_per_s:.2f} a "
        f"second; {killed} killed, {lost} lost, {twice} twice"
        + (f"; {len(named & poison)} of {len(poison)} poison pictures named, " if poison else "")
        + (f"{dead_letters(report)} in the dead-letter queue" if poison else ""),
        flush=True,
    )


def dead_letters(report) -> int:  # noqa: ANN001  a CollectionReport
    """Count the different pictures in the dead-letter queue."""
    from elasticache_police._aws import Clients
    from elasticache_police.ecs_anywhere import queues

    return len(queues.dead_letters(Clients(), report.dead_letter_queue_url))


def put_pictures(s3, options: argparse.Namespace, count: int) -> set[str]:  # noqa: ANN001  a boto3 client
    """Upload the pictures under a prefix of their own and return their URIs."""
    if options.folder:
        found = [path for path in sorted(options.folder.rglob("*")) if path.suffix in {".png", ".jpg", ".webp"}]
        bodies = {f"{count}/{number:06}{path.suffix}": path.read_bytes() for number, path in enumerate(found)}
    else:
        kind = "busy" if options.wait is None else "waits"
        bodies = {
            f"{count}/{number:06}.png": f"{kind} ElasticCache {number}".encode() for number in range(options.pictures)
        }
        bodies |= {
            f"{count}/poison-{number:06}.png": f"unreadable {number}".encode() for number in range(options.poison)
        }
    for key, body in bodies.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return {f"s3://{BUCKET}/{key}" for key in bodies}


if __name__ == "__main__":
    main()
