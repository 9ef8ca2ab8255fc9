"""Police over the real local endpoint and a real SavedModel: no fake between boto3 and TensorFlow."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path

import boto3
import numpy as np
import pytest
from PIL import Image, ImageDraw

from elasticache_police import Police, Ticket, _wire
from elasticache_police.errors import InvocationError, NotFoundError, PayloadTooLargeError

pytestmark = pytest.mark.train
NAME = "ElastiCachePoliceEndpoint"
MODELS = Path(__file__).parents[1] / "serving" / "models.py"
BUCKET = {"Bucket": "queue", "CreateBucketConfiguration": {"LocationConstraint": "ap-northeast-1"}}


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """A SavedModel made in a process of its own, so that this one stays without TensorFlow."""
    made = tmp_path_factory.mktemp("archive")
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, str(MODELS), "--police", str(made)], check=True, capture_output=True, env=quiet)
    from elasticache_police.model.export import write_archive

    write_archive(made / "1", made / "model.tar.gz")
    return made / "model.tar.gz"


@pytest.fixture(scope="module")
def endpoint(archive, moto_url):
    if importlib.util.find_spec("uvicorn") is None:
        pytest.skip("needs the extra serve")
    from elasticache_police.serving import EndpointOptions, LocalEndpoint

    options = EndpointOptions(
        model=archive,
        port=0,
        endpoint_name=NAME,
        max_payload_bytes=_wire.REAL_TIME_LIMIT,
        async_output="s3://queue/out",
        async_failure="s3://queue/failed",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", moto_url)
        patch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
        with LocalEndpoint(options) as running:
            yield running


@pytest.fixture
def runtime(endpoint, moto, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", endpoint.url)


@pytest.fixture
def police(runtime) -> Police:
    return Police.from_endpoint(NAME, min_confidence=0.0)


def _line(grey: int = 255) -> Image.Image:
    line = Image.new("L", (700, 50), grey)
    ImageDraw.Draw(line).text((20, 15), "Amazon ElasticCache", fill=0)
    return line


def test_both_wire_forms_get_the_same_answer(police) -> None:
    lines = [_line(), _line(128), _line(90)]
    pictures = [answer.score for answer in police.classify(lines)]
    floats = [answer.score for answer in police.classify(lines, wire="floats")]
    assert np.allclose(pictures, floats, atol=1e-6)
    assert len({round(score, 3) for score in pictures}) == 3


def test_the_story_s_own_code_works_on_it(police, endpoint) -> None:
    client = boto3.client("sagemaker-runtime", endpoint_url=endpoint.url)
    array = (np.array(_line()) - 127.5) / 127.5
    response = client.invoke_endpoint(
        EndpointName=NAME,
        ContentType="application/json",
        Accept="application/json",
        Body=str(array.reshape(1, 50, 700, 1).tolist()),
    )
    import json

    ((score,),) = json.loads(response["Body"].read())["predictions"]
    assert police.classify(_line()).score == pytest.approx(score, abs=1e-6)


def test_a_page_comes_back_with_its_findings(police) -> None:
    page = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(page).rectangle((50, 60, 149, 79), fill="black")
    (finding,) = police.inspect(page).findings
    assert (finding.box, finding.reading) == ((50, 60, 150, 80), "ElasticCache")
    assert police.inspect(Image.new("RGB", (40, 30), "white")).findings == ()


def test_the_pages_of_a_document_come_back_in_order(police) -> None:
    pages = []
    for number in range(6):
        page = Image.new("L", (200, 100), 255)
        ImageDraw.Draw(page).rectangle((10 * number, 20, 10 * number + 9, 39), fill=0)
        pages.append(page)
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    report = police.inspect(file.getvalue())
    assert [page.findings[0].box[0] for page in report.pages] == [0, 10, 20, 30, 40, 50]


def test_a_request_the_model_refuses_is_an_invocation_error(runtime) -> None:
    from elasticache_police._remote import EndpointBackend

    with pytest.raises(InvocationError) as caught:
        EndpointBackend(NAME)._invoke(_wire.picture_body("classify", [b"no picture"]))
    assert caught.value.code == "ModelError"
    assert caught.value.model_status == 500, "what the containers up to 2.19 make of an error in code/inference.py"
    assert "TensorFlow Serving answered 400" in caught.value.model_message


def test_another_name_is_not_found(runtime) -> None:
    with pytest.raises(NotFoundError):
        Police.from_endpoint("Another").classify(_line())


def test_a_body_over_the_endpoint_s_limit_is_refused_by_it_too(runtime) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (3000, 3000), dtype=np.uint8))
    with pytest.raises(PayloadTooLargeError):
        Police.from_endpoint(NAME).inspect(noise)


def test_asynchronous_by_way_of_s3(runtime) -> None:
    boto3.client("s3").create_bucket(**BUCKET)
    police = Police.from_async(NAME, input_url="s3://queue/in", min_confidence=0.0)
    page = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(page).rectangle((50, 60, 149, 79), fill="black")
    stored = police.submit(page).to_json()
    report = Ticket.from_json(stored).result(timeout_s=60.0, poll_s=0.2)
    assert [finding.box for finding in report.findings] == [(50, 60, 150, 80)]


def test_a_picture_as_it_is_is_what_batch_transform_sends(runtime, endpoint) -> None:
    client = boto3.client("sagemaker-runtime", endpoint_url=endpoint.url)
    page = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(page).rectangle((50, 60, 149, 79), fill="black")
    file = io.BytesIO()
    page.save(file, "PNG")
    response = client.invoke_endpoint(EndpointName=NAME, ContentType="application/x-image", Body=file.getvalue())
    (prediction,) = _wire.predictions_of(response["Body"].read(), count=1)
    assert [finding.box for finding in _wire.findings_of(prediction)] == [(50, 60, 150, 80)]


def test_the_walk_through_tells_the_whole_story_and_leaves_nothing(archive, repository) -> None:
    script = repository / "examples" / "sagemaker_walkthrough.py"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    told = subprocess.run(
        [sys.executable, str(script), str(archive)], capture_output=True, text=True, env=clean, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    lines = told.stdout.splitlines()
    assert lines[-1] == "   nothing"
    assert [line for line in lines if line.startswith(tuple("12345678"))][-1].startswith("8.")
    assert told.stdout.count(": 1 findings") == 3
