"""Plays batch transform: every object below an S3 prefix goes to a container as it is, its answer to S3 as KEY.out."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Container = Callable[[bytes, str], bytes]
"""Takes a request's body and content type, returns the answer; raises OSError where the container refuses."""


def over_http(url: str) -> Container:
    """Return the container that listens there, as SageMaker asks it."""

    def ask(body: bytes, content_type: str) -> bytes:
        request = urllib.request.Request(  # noqa: S310  loopback
            f"{url}/invocations", data=body, headers={"Content-Type": content_type, "Accept": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.read()

    return ask


class BatchTransform:
    """CreateTransformJob that really transforms, at once, with S3 as boto3 finds it."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.jobs: dict[str, dict] = {}

    def perform(self, operation: str, parameters: dict) -> dict:
        name = parameters["TransformJobName"]
        arn = {"TransformJobArn": f"arn:aws:sagemaker:us-east-1:111122223333:transform-job/{name}"}
        if operation == "CreateTransformJob":
            failed = self._transform(parameters["TransformInput"], parameters["TransformOutput"]["S3OutputPath"])
            self.jobs[name] = {**arn, "TransformJobName": name, "CreationTime": 1.0}
            self.jobs[name]["TransformJobStatus"] = "Failed" if failed else "Completed"
            if failed:
                self.jobs[name]["FailureReason"] = f"ClientError: {failed} object(s) failed, see the log"
            return arn
        return self.jobs[name]

    def _transform(self, given: dict, output: str) -> int:
        import boto3

        s3 = boto3.client("s3")
        bucket, _, prefix = given["DataSource"]["S3DataSource"]["S3Uri"].removeprefix("s3://").partition("/")
        out_bucket, _, out_prefix = output.removeprefix("s3://").partition("/")
        folder = prefix if prefix.endswith("/") else prefix.rpartition("/")[0]
        failed = 0
        for one in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
            body = s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
            try:
                answer = self.container(body, given["ContentType"])
            except OSError:
                failed += 1
                continue
            relative = one["Key"].removeprefix(folder).lstrip("/")
            s3.put_object(Bucket=out_bucket, Key=f"{out_prefix}/{relative}.out", Body=answer)
        return failed


@contextmanager
def serve(fake: BatchTransform):
    """Serve it on loopback and yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps(fake.perform(self.headers["X-Amz-Target"].rpartition(".")[2], body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
