"""The whole story on this machine: an archive, three calls, an endpoint, three ways to ask, and nothing left.

    pip install "elasticache-police[serve]" "moto[server]"
    python examples/sagemaker_walkthrough.py            # a stand-in model, made in seconds
    python examples/sagemaker_walkthrough.py model.tar.gz

The control plane (SageMaker, S3, IAM) is moto's server; the endpoint is real: the archive behind this package's own
server, asked through boto3. Two things neither of them has are played by thirty lines here: the worker behind an
asynchronous endpoint and the one behind a batch transform job.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import tarfile
import tempfile
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

from PIL import Image, ImageDraw

BUCKET = "police-walkthrough"
REGION = "ap-northeast-1"


def main() -> None:
    """Tell the story."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", nargs="?", type=Path, help="a model.tar.gz; a stand-in is made otherwise")
    given = parser.parse_args().archive
    with tempfile.TemporaryDirectory() as scratch, aws_on_this_machine() as aws:
        archive = given or make_stand_in(Path(scratch))
        story(archive, aws)


def story(archive: Path, aws: StandIn) -> None:
    """From an archive to answers and back to nothing."""
    from elasticache_police import Police, Ticket
    from elasticache_police import sagemaker_deploy as sm
    from elasticache_police.serving import EndpointOptions, LocalEndpoint

    step("1. The archive goes to S3, once")
    sent = sm.upload(archive)
    print(f"   {sent.url}\n   again: reused={sm.upload(archive).reused}")

    step("2. A role for SageMaker, with no more permissions than it needs")
    role = sm.ensure_execution_role()
    print(f"   {role.arn} created={role.created}")

    step("3. Three calls, and what they say")
    model = sm.ModelSpec(model_data_url=sent.url, role_arn=role.arn)
    spec = sm.EndpointSpec(model=model, region=REGION)
    for request in sm.plan(spec).requests:
        print(f"   {request.operation} {next(iter(request.parameters.values()))}")

    with LocalEndpoint(EndpointOptions(model=archive, port=0)) as container:
        aws.container_url = container.url
        line, page = pictures()

        step("4. Real-time: deployed, asked, removed")
        with Police.deployed(spec, on_event=lambda event: print(f"   {event}")) as police:
            print(f"   score of a line, as a picture:   {police.classify(line).score:.3f}")
            print(f"   score of a line, as the story's: {police.classify(line, wire='floats').score:.3f}")
            print(f"   findings on a page:              {len(police.inspect(page).findings)}")

        step("5. Asynchronous: a ticket now, the report later")
        queue = sm.AsyncInference(output_url=f"s3://{BUCKET}/out", failure_url=f"s3://{BUCKET}/failed")
        sleeping = sm.Variant(scaling=sm.BacklogScaling(maximum=2))
        spec = sm.EndpointSpec(model=model, asynchronous=queue, variants=[sleeping], region=REGION)
        with Police.deployed(spec, input_url=f"s3://{BUCKET}/in") as police:
            stored = police.submit(page).to_json()
            print(f"   ticket: {stored[:70]}...")
            print(f"   findings: {len(Ticket.from_json(stored).result(timeout_s=30).findings)}")

        step("6. Batch transform: a prefix of pictures as they are")
        for number in range(3):
            aws.put(f"pictures/{number}.png", png(page))
        job = sm.BatchSpec(model=model, input_url=f"s3://{BUCKET}/pictures/", output_url=f"s3://{BUCKET}/answers")
        aws.play_batch("pictures/", "answers")
        for report in sm.inspect_batch(job):
            print(f"   {report.source}: {report.error or f'{len(report.findings)} findings'}")

    step("7. What is left")
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


def make_stand_in(scratch: Path) -> Path:
    """Pack a SavedModel with the signatures of the real one: it finds whatever is dark."""
    import tensorflow as tf

    from elasticache_police import model as package

    def grey(encoded: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.io.decode_image(encoded, channels=1, expand_animations=False), tf.float32)

    class StandInModel(tf.Module):
        """Answers as the real model does, about nothing."""

        @tf.function(input_signature=[tf.TensorSpec([None, 50, 700, 1], tf.float32, name="image")])
        def serving_default(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"score": tf.sigmoid(4.0 * tf.reduce_mean(image, axis=[1, 2]) - 4.0)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
        def classify(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
            lines = tf.map_fn(
                lambda encoded: tf.image.resize(grey(encoded), (50, 700)), image_bytes, fn_output_signature=tf.float32
            )
            return self.serving_default((tf.reshape(lines, (-1, 50, 700, 1)) - 127.5) / 127.5)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
        def inspect(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
            def dark(encoded: tf.Tensor) -> tf.Tensor:
                at = tf.cast(tf.where(grey(encoded)[:, :, 0] < 128), tf.int32)
                low, high = tf.reduce_min(at, axis=0), tf.reduce_max(at, axis=0)
                return tf.stack([low[1], low[0], high[1] + 1, high[0] + 1])

            boxes = tf.map_fn(dark, image_bytes, fn_output_signature=tf.int32)[:, None, :]
            count = tf.shape(image_bytes)[0]
            return {
                "boxes": boxes,
                "scores": tf.fill([count, 1], 0.02),
                "readings": tf.fill([count, 1], "ElasticCache"),
                "count": tf.fill([count], 1),
            }

    made = StandInModel()
    signatures = {"serving_default": made.serving_default, "classify": made.classify, "inspect": made.inspect}
    tf.saved_model.save(made, str(scratch / "1"), signatures=signatures)
    archive = scratch / "model.tar.gz"
    handler = Path(package.__file__).parent / "serving_code" / "inference.py"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(scratch / "1", "1")
        packed.add(handler, "code/inference.py")
    return archive


class StandIn:
    """Plays what moto lacks: the workers behind endpoints and jobs, over the container that really runs."""

    def __init__(self) -> None:
        import boto3

        self.container_url = ""
        self._s3 = boto3.client("s3")
        self._s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def put(self, key: str, body: bytes) -> None:
        """Put an object into the bucket."""
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def ask(self, body: bytes, content_type: str) -> bytes:
        """Ask the container."""
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        with urlopen(Request(f"{self.container_url}/invocations", body, headers)) as answer:  # noqa: S310  loopback
            return bytes(answer.read())

    def play_async(self, input_url: str) -> dict[str, str]:
        """Answer an asynchronous request in its own time."""
        bucket, _, key = input_url.removeprefix("s3://").partition("/")
        name = uuid.uuid4().hex

        def work() -> None:
            body = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            self.put(f"out/{name}.out", self.ask(body, "application/json"))

        threading.Thread(target=work).start()
        return {
            "x-amzn-sagemaker-outputlocation": f"s3://{BUCKET}/out/{name}.out",
            "x-amzn-sagemaker-failurelocation": f"s3://{BUCKET}/failed/{name}.out",
        }

    def play_batch(self, prefix: str, output: str) -> None:
        """Answer every picture under a prefix."""
        for item in self._s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]:
            body = self._s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
            self.put(f"{output}/{item['Key'].removeprefix(prefix)}.out", self.ask(body, "application/x-image"))

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Return what answers boto3's ``sagemaker-runtime`` client."""
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.path.endswith("/async-invocations"):
                    headers = stand_in.play_async(self.headers["X-Amzn-SageMaker-InputLocation"])
                    self.reply(202, json.dumps({"InferenceId": uuid.uuid4().hex}).encode(), headers)
                else:
                    self.reply(200, stand_in.ask(body, self.headers["Content-Type"]), {})

            def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Be quiet."""

        return Handler


@contextlib.contextmanager
def aws_on_this_machine() -> Iterator[StandIn]:
    """Point boto3 at moto's server and at the stand-in, with credentials that are nobody's."""
    from moto.server import ThreadedMotoServer

    control = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    control.start()
    host, port = control.get_host_and_port()
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nobody",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }
    stand_in = StandIn()
    runtime = ThreadingHTTPServer(("127.0.0.1", 0), stand_in.handler())
    threading.Thread(target=runtime.serve_forever, daemon=True).start()
    os.environ["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] = f"http://127.0.0.1:{runtime.server_address[1]}"
    try:
        yield stand_in
    finally:
        runtime.shutdown()
        runtime.server_close()
        control.stop()


if __name__ == "__main__":
    main()
