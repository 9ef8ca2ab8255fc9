"""The whole story on this machine: train, export, three calls, an endpoint, three ways to ask, and nothing left.

    pip install "elasticache-police[train,serve]" "moto[server]"
    python examples/sagemaker_walkthrough.py                  # trains a model for a moment: it knows nothing yet
    python examples/sagemaker_walkthrough.py model.tar.gz     # or brings one that does

The control plane (SageMaker, S3, IAM) is moto's server; the endpoint is real: the archive behind this package's own
server, asked through boto3. One thing neither of them has is played by ten lines here: the worker of a batch job.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

from PIL import Image, ImageDraw

BUCKET = "police-walkthrough"
REGION = "ap-northeast-1"


def main() -> None:
    """Tell the story."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("archive", nargs="?", type=Path, help="a model.tar.gz; one is trained for a moment otherwise")
    given = parser.parse_args().archive
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's remarks about this machine
    with tempfile.TemporaryDirectory() as scratch, aws_on_this_machine():
        step("1. A model, and its archive")
        archive = given or train_and_export(Path(scratch))
        print(f"   {archive.name}, {archive.stat().st_size:,} bytes")
        story(archive)


def story(archive: Path) -> None:
    """From an archive to answers and back to nothing."""
    import boto3

    from elasticache_police import Police, Ticket
    from elasticache_police import sagemaker_deploy as sm
    from elasticache_police.serving import EndpointOptions, LocalEndpoint

    step("2. The archive goes to S3, once")
    sent = sm.upload(archive)
    print(f"   {sent.url}\n   again: reused={sm.upload(archive).reused}")

    step("3. A role for SageMaker, with no more permissions than it needs")
    role = sm.ensure_execution_role()
    print(f"   {role.arn} created={role.created}")

    step("4. Three calls, and what they say")
    model = sm.ModelSpec(model_data_url=sent.url, role_arn=role.arn)
    spec = sm.EndpointSpec(model=model, region=REGION)
    for request in sm.plan(spec).requests:
        print(f"   {request.operation} {next(iter(request.parameters.values()))}")

    served = EndpointOptions(
        model=archive, port=0, async_output=f"s3://{BUCKET}/out", async_failure=f"s3://{BUCKET}/failed"
    )
    with LocalEndpoint(served) as container:
        os.environ["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] = container.url
        line, page = pictures()

        step("5. Real-time: deployed, asked, removed")
        with Police.deployed(spec, min_confidence=0.0, on_event=lambda event: print(f"   {event}")) as police:
            print(f"   score of a line, as a picture:   {police.classify(line).score:.3f}")
            print(f"   score of a line, as the story's: {police.classify(line, wire='floats').score:.3f}")
            print(f"   findings on a page:              {len(police.inspect(page).findings)}")

        step("6. Asynchronous: a ticket now, the report later")
        queue = sm.AsyncInference(output_url=f"s3://{BUCKET}/out", failure_url=f"s3://{BUCKET}/failed")
        sleeping = sm.Variant(scaling=sm.BacklogScaling(maximum=2))
        spec = sm.EndpointSpec(model=model, asynchronous=queue, variants=[sleeping], region=REGION)
        with Police.deployed(spec, min_confidence=0.0, input_url=f"s3://{BUCKET}/in") as police:
            stored = police.submit(page).to_json()
            print(f"   ticket: {stored[:70]}...")
            print(f"   findings: {len(Ticket.from_json(stored).result(timeout_s=120).findings)}")

        step("7. Batch transform: a prefix of pictures as they are")
        for number in range(3):
            boto3.client("s3").put_object(Bucket=BUCKET, Key=f"pictures/{number}.png", Body=png(page))
        play_batch(container.url, "pictures/", "answers")  # moto's jobs end at once and write nothing
        job = sm.BatchSpec(model=model, input_url=f"s3://{BUCKET}/pictures/", output_url=f"s3://{BUCKET}/answers")
        for report in sm.inspect_batch(job):
            print(f"   {report.source}: {report.error or f'{len(report.findings)} findings'}")

    step("8. What is left, and what is left after that")
    print(f"   {', '.join(map(str, sm.list()))}")
    sm.delete_all()
    left = sm.list()
    print(f"   {', '.join(map(str, left)) or 'nothing'}")
    if left:
        raise SystemExit(1)


def step(words: str) -> None:
    """Print a heading."""
    print(f"\n{words}")


def pictures() -> tuple[Image.Image, Image.Image]:
    """Draw the story's line of 50 x 700 pixels, and a page."""
    line = Image.new("L", (700, 50), 255)
    ImageDraw.Draw(line).text((20, 8), "Amazon ElasticCache", fill=0, font_size=32)
    page = Image.new("RGB", (800, 400), "white")
    ImageDraw.Draw(page).text((100, 150), "Amazon ElasticCache", fill="black", font_size=32)
    return line, page


def png(image: Image.Image) -> bytes:
    """Encode a picture."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def train_and_export(scratch: Path) -> Path:
    """Train for a few steps, enough to have every file that a real training makes, and export."""
    from elasticache_police.model.export import export
    from elasticache_police.model.training import TrainingOptions, train

    options = TrainingOptions(
        name="ElastiCache",
        out=scratch / "run",
        finder_steps=2,
        reader_steps=2,
        finder_batch=2,
        reader_batch=4,
        evaluation_crops=4,
        evaluation_pages=1,
        workers=0,
    )
    model = train(options, say=lambda line: print(f"   {line}"))
    return export(model, scratch / "export").archive


def play_batch(container_url: str, prefix: str, output: str) -> None:
    """Do what a batch job's worker does: ask the container about every object, keep the answers."""
    import boto3

    s3 = boto3.client("s3")
    for item in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]:
        body = s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
        request = Request(f"{container_url}/invocations", body, {"Content-Type": "application/x-image"})  # noqa: S310
        with urlopen(request) as answer:  # noqa: S310  loopback
            s3.put_object(Bucket=BUCKET, Key=f"{output}/{item['Key'].removeprefix(prefix)}.out", Body=answer.read())


@contextlib.contextmanager
def aws_on_this_machine() -> Iterator[None]:
    """Point boto3 at moto's server, with credentials that are nobody's."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # or every request would be a line
    control = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    control.start()
    host, port = control.get_host_and_port()
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nobody",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }
    boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    try:
        yield
    finally:
        control.stop()


if __name__ == "__main__":
    main()
