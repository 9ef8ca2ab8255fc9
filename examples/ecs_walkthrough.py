"""The story's first half on this machine: a machine joins, trains in a task, inspects a collection, and leaves.

    pip install "elasticache-police[train]" "moto[server]"
    python examples/ecs_walkthrough.py              # trains for real, a very small model: some minutes
    python examples/ecs_walkthrough.py --stand-in   # the same with a stand-in for training and inspection: seconds

S3 and SQS are moto's server. ECS, Systems Manager and CloudWatch Logs are the fake that the tests use, because moto
lacks external instances; real boto3 talks to both over HTTP. The task runs the container's real entry point.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUCKET = "police-walkthrough"
ROLE = "arn:aws:iam::111122223333:role/police"
TINY = (
    *("--finder-steps", "2", "--reader-steps", "2", "--finder-batch", "1", "--reader-batch", "2"),
    *("--evaluation-crops", "2", "--evaluation-pages", "1", "--workers", "0"),
)


def main() -> None:
    """Tell the story."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stand-in", action="store_true", help="train and inspect nothing for real")
    stand_in = parser.parse_args().stand_in
    sys.path.insert(0, str(ROOT / "tests" / "ecs"))
    with tempfile.TemporaryDirectory() as scratch, aws_on_this_machine() as fake:
        story(fake, Path(scratch), stand_in=stand_in)


def story(fake, scratch: Path, *, stand_in: bool) -> None:  # noqa: ANN001  the tests' FakeEcs
    """From an activation to a deployable model and a report."""
    import boto3
    from fake_ecs import Script

    from elasticache_police import ecs_anywhere as ecs
    from elasticache_police import sagemaker_deploy as sm
    from elasticache_police._aws import Clients
    from elasticache_police.ecs_anywhere import training_job

    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    cluster = ecs.Cluster("police", clock=fake.clock, sleep=fake.tick)

    step("1. An activation, and the command for the machine")
    activation = ecs.create_activation(cluster, create_missing=True)
    print("   " + str(ecs.install_command(activation)).replace(str(activation.code), "<the secret code>"))

    step("2. The machine joins (simulated) and is waited for")
    fake.joins(activation.activation_id, activation.code, cpu=4096, memory=8192)
    for machine in ecs.wait_registered(cluster, 1, activation=activation):
        print(f"   {machine.instance_id} {machine.connection}: {machine.cpu_units} CPU units, {machine.memory_mib} MiB")

    step("3. A task trains a model with the container's own entry point")
    for font in sorted((ROOT / "src" / "elasticache_police" / "dataset" / "fonts").glob("*.[ot]tf")):
        s3.upload_file(str(font), BUCKET, f"fonts/{font.name}")
    s3.put_object(Bucket=BUCKET, Key="fonts/LICENSES.txt", Body=b"see the package")
    if stand_in:
        training_job.COMMAND = (sys.executable, str(ROOT / "tests" / "ecs" / "stub_command.py"))

    def container(environment: dict[str, str], command: list[str]) -> int:
        job = training_job.parse(command, {**environment, "POLICE_WORK": str(scratch / "work")})
        return training_job.run(job, clients=Clients())

    fake.script("elasticache-police-train", Script(execute=container))
    spec = ecs.train_on(
        cluster,
        fonts=f"s3://{BUCKET}/fonts",
        out=f"s3://{BUCKET}/models/model.tar.gz",
        image="elasticache-police-train:1",
        task_role_arn=ROLE,
        execution_role_arn=ROLE,
        endpoint_role_arn=ROLE,
        train_arguments=("--steps", "2") if stand_in else TINY,
    )

    step("4. The archive is what the second half deploys")
    body = s3.get_object(Bucket=BUCKET, Key="models/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        print(f"   {spec.model.model_data_url}: {', '.join(sorted(archive.getnames())[:6])}")
    for request in sm.plan(spec).requests:
        print(f"   {request.operation}")
    if not stand_in:
        inspects_here(f"s3://{BUCKET}/models/model.directory.tar.gz", scratch)

    step("5. A collection in S3, inspected by two tasks from one queue")
    collection(fake, s3, cluster, stand_in=stand_in)

    step("6. The machine leaves")
    gone = ecs.leave(cluster, machine.instance_id)
    ecs.delete_activation(cluster, activation.activation_id)
    print(f"   {gone.instance_id} left; on the machine:\n   " + gone.cleanup_command.replace("\n", "\n   "))


def inspects_here(directory: str, scratch: Path) -> None:
    """Look at a picture with what the training left for inspections without SageMaker."""
    from elasticache_police import Police
    from elasticache_police._aws import Clients
    from elasticache_police.ecs_anywhere.packing import fetch_model

    police = Police.from_model(fetch_model(Clients(), directory, scratch))
    report = police.inspect(ROOT / "examples" / "architecture.png")
    print(f"   {directory} looked at {len(report.pages)} page(s) here")


def collection(fake, s3, cluster, *, stand_in: bool) -> None:  # noqa: ANN001
    """Inspect the example pictures, and one that is none."""
    from fake_ecs import Script

    from elasticache_police import ecs_anywhere as ecs
    from elasticache_police._aws import Clients
    from elasticache_police.ecs_anywhere.worker import PACKAGED

    for number, picture in enumerate(sorted((ROOT / "examples").glob("*.png"))):
        word = f"ElasticCache {number}".encode() if stand_in else picture.read_bytes()
        s3.put_object(Bucket=BUCKET, Key=f"pictures/{picture.name}", Body=word)
    s3.put_object(Bucket=BUCKET, Key="pictures/broken.png", Body=b"unreadable")

    def container(environment: dict[str, str], _command: list[str]) -> int:
        job = ecs.CollectionJob.from_environment(environment)
        inspector = "quick_inspector:make" if stand_in else PACKAGED
        ecs.Worker(job, clients=Clients(), inspector=inspector, poll_s=0).run()
        return 0

    fake.script("elasticache-police-inspect", Script(execute=container))
    task = ecs.TaskSpec(family="elasticache-police-inspect", image="elasticache-police:1", cpu_units=256)
    report = ecs.inspect_on(cluster, f"s3://{BUCKET}/pictures/", task, tasks=2)
    print(f"   {report.pictures} pictures, {report.misspelled_findings} misspelled names, in {report.report_uri}")
    for failure in report.failures:
        print(f"   not readable: {failure.file}: {failure.reason}")
    again = ecs.inspect_on(cluster, f"s3://{BUCKET}/pictures/", task, tasks=2)
    print(f"   again: {again.skipped} of {again.pictures} were known already")


def step(words: str) -> None:
    """Print a heading."""
    print(f"\n{words}", flush=True)


@contextmanager
def aws_on_this_machine() -> Iterator[object]:
    """Start moto's server and the tests' fake, and point boto3 at them."""
    from fake_ecs import FakeEcs, serve
    from moto.server import ThreadedMotoServer

    fake = FakeEcs()
    with ExitStack() as stack:
        url = stack.enter_context(serve(fake))
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        stack.callback(server.stop)
        host, port = server.get_host_and_port()
        settings = {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            **{f"AWS_ENDPOINT_URL_{service}": url for service in ("ECS", "SSM", "IAM", "CLOUDWATCH_LOGS")},
        }
        before = {name: os.environ.get(name) for name in settings}
        os.environ.update(settings)
        try:
            yield fake
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


if __name__ == "__main__":
    main()
