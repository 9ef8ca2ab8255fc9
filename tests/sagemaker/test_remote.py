"""Police over an endpoint: what is sent, what is understood, what is raised."""

from __future__ import annotations

import base64
import io
import json
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import attrs
import boto3
import numpy as np
import pytest
from fake_sagemaker import AwsFault
from PIL import Image, ImageDraw

from elasticache_police import Classification, Finding, Kind, Police, Report, Verdict, _wire
from elasticache_police import sagemaker_deploy as sm
from elasticache_police.errors import (
    AccessDeniedError,
    AwsError,
    ConfigurationError,
    EndpointNotReadyError,
    InvocationError,
    NotFoundError,
    PayloadTooLargeError,
    ThrottledError,
)

NAME = "ElastiCachePoliceEndpoint"
FOUND = {
    "boxes": [[30, 40, 90, 60], [10, 20, 110, 40], [0, 0, 0, 0]],
    "scores": [0.98, 0.01, 0.0],
    "readings": ["ElastiCache", "ElasticCache", ""],
    "count": 2,
}


def _written_line(font_px: int = 10) -> np.ndarray:
    line = Image.new("L", (700, 50), 255)
    ImageDraw.Draw(line).text((20, 8), "Amazon ElasticCache", fill=0, font_size=font_px)
    return np.asarray(line)


def _story_picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (50, 700), dtype=np.uint8))


def _answering(predictions):
    return lambda name, headers, body: (json.dumps({"predictions": predictions}).encode(), {})


def _pictures(body: bytes) -> list[Image.Image]:
    return [Image.open(io.BytesIO(base64.b64decode(row["b64"]))) for row in json.loads(body)["instances"]]


@pytest.fixture
def police(fake) -> Police:
    return Police.from_endpoint(NAME, min_confidence=0.5)


def _sent(fake) -> dict:
    return fake.calls[-1][1]


def test_the_story_s_request_byte_for_byte(fake, police) -> None:
    fake.answer = lambda name, headers, body: (b'{"predictions": [[0.404]]}', {})
    picture = _story_picture()
    answer = police.classify(picture, wire="floats")
    array = (np.array(picture) - 127.5) / 127.5
    assert _sent(fake)["Body"] == str(array.reshape((1, 50, 700, 1)).tolist()).encode()
    headers = _sent(fake)["headers"]
    assert (headers["content-type"], headers["accept"]) == ("application/json", "application/json")
    assert _sent(fake)["EndpointName"] == NAME
    assert answer == Classification(score=0.404, verdict=Verdict.MISSPELLED)


def test_by_default_a_crop_travels_as_a_picture_of_the_same_pixels(fake, police) -> None:
    fake.answer = _answering([[0.75]])
    picture = _story_picture()
    assert police.classify(picture) == Classification(score=0.75, verdict=Verdict.CORRECT)
    document = json.loads(_sent(fake)["Body"])
    assert (set(document), document["signature_name"]) == ({"signature_name", "instances"}, "classify")
    (sent,) = _pictures(_sent(fake)["Body"])
    assert np.array_equal(np.asarray(sent.convert("L")), np.asarray(picture))


@pytest.mark.parametrize("font_px", [10, 32])
def test_a_line_of_text_is_a_hundred_times_smaller_as_a_picture(font_px: int) -> None:
    pixels = _written_line(font_px)
    floats, encoded = _wire.floats_body(pixels[None]), _wire.picture_body("classify", [_wire.encode_line(pixels)])
    assert len(floats) > 100 * len(encoded)


@pytest.mark.parametrize("form", ["WEBP", "PNG"])
@pytest.mark.parametrize("noise", [0, 40])
def test_a_line_travels_without_loss(noise: int, form: _wire.LineForm) -> None:
    greys = _written_line().astype(np.int16)
    greys += np.random.default_rng(3).integers(-noise, noise + 1, greys.shape, np.int16)
    line = greys.clip(0, 255).astype(np.uint8)
    encoded = _wire.encode_line(line, form=form)
    decoded = Image.open(io.BytesIO(encoded))
    assert decoded.format == form
    assert np.array_equal(np.asarray(decoded.convert("L")), line)
    assert len(encoded) < line.size


@pytest.mark.parametrize(
    "refusal",
    ["Unknown image file format. One of JPEG, PNG, GIF, BMP required.", "WebP only supports 3 or 4 channels"],
)
def test_a_model_that_takes_no_webp_is_sent_png_from_then_on(fake, refusal: str) -> None:
    """TensorFlow up to 2.19 decodes none, as AWS's image for Graviton; a model may decode what it gets as grey."""
    fake.answer = _answering([[0.75]])
    police = Police.from_endpoint(NAME)
    fake.fail(
        "InvokeEndpoint", "ModelError", refusal, status=424, times=1, OriginalStatusCode=400,
    )  # fmt: skip
    answers = [police.classify(_story_picture()) for _ in range(2)]
    assert answers == [Classification(score=0.75, verdict=Verdict.CORRECT)] * 2
    assert [_pictures(sent["Body"])[0].format for _, sent in fake.calls] == ["WEBP", "PNG", "PNG"]


def _without_webp(body: bytes) -> tuple[bytes, dict]:
    """Answer as a model of TensorFlow 2.19 does: that of a line is its first grey."""
    pictures = _pictures(body)
    if any(picture.format == "WEBP" for picture in pictures):
        refusal = "Unknown image file format. One of JPEG, PNG, GIF, BMP required."
        raise AwsFault("ModelError", refusal, 424, OriginalStatusCode=400)
    scores = [[float(np.asarray(picture)[0, 0]) / 255] for picture in pictures]
    return json.dumps({"predictions": scores}).encode(), {}


def test_lines_that_were_answered_before_a_refusal_are_not_sent_again(fake) -> None:
    """A fleet of two models, say: one takes WebP, the other does not."""
    bodies: list[bytes] = []

    def answer(name, headers, body):
        bodies.append(body)
        if len(bodies) == 1:
            return json.dumps({"predictions": [[0.0]] * len(_pictures(body))}).encode(), {}
        return _without_webp(body)

    fake.answer = answer
    greys = range(0, 240, 10)
    lines = [Image.new("L", (700, 50), grey) for grey in greys]
    scores = [one.score for one in Police.from_endpoint(NAME, limit_bytes=600).classify(lines)]
    first, refused, *after = ([picture.format for picture in _pictures(body)] for body in bodies)
    assert (set(first), set(refused)) == ({"WEBP"}, {"WEBP"})
    assert [form for batch in after for form in batch] == ["PNG"] * (len(lines) - len(first))
    assert scores == [0.0] * len(first) + [pytest.approx(grey / 255) for grey in greys][len(first) :]


def test_threads_whose_first_lines_are_all_refused_all_send_png(fake) -> None:
    together = threading.Barrier(2)

    def answer(name, headers, body):
        if _pictures(body)[0].format == "WEBP":
            together.wait(timeout=20)
        return _without_webp(body)

    fake.answer = answer
    police = Police.from_endpoint(NAME)
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(police.classify, [Image.new("L", (700, 50), grey) for grey in (0, 255)]))
    assert [one.score for one in answers] == [0.0, 1.0]


def test_a_page_is_answered_as_the_local_police_would(fake, police) -> None:
    fake.answer = _answering([FOUND])
    report = police.inspect(Image.new("RGB", (200, 100), "white"))
    right = Finding(box=(30, 40, 90, 60), verdict=Verdict.CORRECT, score=0.98, reading="ElastiCache")
    wrong = Finding(
        box=(10, 20, 110, 40), verdict=Verdict.MISSPELLED, score=0.01, reading="ElasticCache", kind=Kind.EXTRA_LETTER
    )
    assert report.findings == (wrong, right), "top to bottom"
    assert report.misspelled == (wrong,)
    assert (report.pages[0].width, report.pages[0].height) == (200, 100)
    (sent,) = _pictures(_sent(fake)["Body"])
    assert (sent.mode, sent.size) == ("L", (200, 100))


def test_findings_that_are_not_sure_enough_are_left_out(fake) -> None:
    fake.answer = _answering([{**FOUND, "scores": [0.6, 0.01, 0.0]}])
    report = Police.from_endpoint(NAME, min_confidence=0.9).inspect(Image.new("L", (200, 100)))
    assert [finding.reading for finding in report.findings] == ["ElasticCache"]


def test_another_name_is_known_by_its_reading(fake) -> None:
    fake.answer = _answering([{"boxes": [[0, 0, 9, 9]], "scores": [0.0], "readings": ["Github"], "count": [1]}])
    police = Police.from_endpoint(NAME, ["ElastiCache", "GitHub"], min_confidence=0.5)
    (finding,) = police.inspect(Image.new("L", (20, 20))).findings
    assert (finding.name, finding.kind) == ("GitHub", Kind.CASE)


def test_transparent_pictures_are_laid_on_white_before_they_travel(fake, police) -> None:
    fake.answer = _answering([FOUND])
    police.inspect(Image.new("RGBA", (20, 20), (0, 0, 0, 0)))
    (sent,) = _pictures(_sent(fake)["Body"])
    assert np.asarray(sent).min() == 255


def test_many_crops_share_requests_within_the_limit(fake) -> None:
    sizes = []

    def answer(name, headers, body):
        sizes.append((len(body), len(json.loads(body)["instances"])))
        return json.dumps({"predictions": [[0.25]] * sizes[-1][1]}).encode(), {}

    fake.answer = answer
    police = Police.from_endpoint(NAME, limit_bytes=200_000)
    answers = police.classify([_story_picture()] * 10)
    assert [one.score for one in answers] == [0.25] * 10
    assert sum(count for _, count in sizes) == 10
    assert max(size for size, _ in sizes) <= 200_000
    assert 1 < len(sizes) < 10


def test_the_pages_of_a_document_share_requests(fake, police) -> None:
    counts = []

    def answer(name, headers, body):
        counts.append(len(json.loads(body)["instances"]))
        return json.dumps({"predictions": [FOUND] * counts[-1]}).encode(), {}

    fake.answer = answer
    file = io.BytesIO()
    first, *others = [Image.new("L", (200 + number, 100), 255) for number in range(6)]
    first.save(file, "TIFF", save_all=True, append_images=others)
    report = police.inspect(file.getvalue())
    assert counts == [4, 2]
    assert [(page.number, page.width, len(page.findings)) for page in report.pages] == [
        (number + 1, 200 + number, 2) for number in range(6)
    ]


def test_floats_are_split_to_fit_the_limit(fake) -> None:
    fake.answer = lambda name, headers, body: (
        json.dumps({"predictions": [[0.5]] * body.count(b"[[[")}).encode(),
        {},
    )
    police = Police.from_endpoint(NAME, limit_bytes=1_600_000)
    assert len(police.classify([_story_picture()] * 3, wire="floats")) == 3
    assert max(len(call[1]["Body"]) for call in fake.calls) <= 1_600_000


def test_a_wire_that_does_not_exist_sends_nothing(fake) -> None:
    with pytest.raises(ConfigurationError, match="no wire 'bogus'"):
        Police.from_endpoint(NAME).classify(_story_picture(), wire="bogus")
    assert fake.calls == []


def test_a_page_too_large_as_png_travels_as_jpeg(fake) -> None:
    fake.answer = _answering([FOUND])
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (600, 800), dtype=np.uint8))
    Police.from_endpoint(NAME, limit_bytes=600_000, min_confidence=0.5).inspect(noise)
    assert len(_sent(fake)["Body"]) <= 600_000
    (sent,) = _pictures(_sent(fake)["Body"])
    assert (sent.format, sent.size) == ("JPEG", (800, 600))


def test_a_page_that_cannot_fit_is_refused_with_what_to_do(fake) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (600, 800), dtype=np.uint8))
    with pytest.raises(PayloadTooLargeError, match="scale it down, or ask an asynchronous endpoint"):
        Police.from_endpoint(NAME, limit_bytes=50_000).inspect(noise)
    assert fake.calls == []


def test_one_bad_page_does_not_end_a_run(fake) -> None:
    fake.answer = _answering([FOUND])
    fake.fail("InvokeEndpoint", "ModelError", "bad picture", status=424, OriginalStatusCode=400)
    reports = list(Police.from_endpoint(NAME, min_confidence=0.5).inspect_many([Image.new("L", (9, 9))] * 3, jobs=1))
    assert [report.error is None for report in reports] == [False, True, True]


def test_a_model_s_error_tells_what_the_container_said(fake, police) -> None:
    said = '{"error": "Expected image (JPEG, PNG, or GIF), got unknown format"}'
    fake.fail(
        "InvokeEndpoint", "ModelError", f'Received client error (400) from primary with message "{said}"', status=424,
        OriginalStatusCode=400, OriginalMessage=said, LogStreamArn="arn:aws:logs:log",
    )  # fmt: skip
    with pytest.raises(InvocationError) as caught:
        police.classify(_story_picture())
    error = caught.value
    assert (error.code, error.operation, error.model_status, error.model_message, error.log_url) == (
        "ModelError", "InvokeEndpoint", 400, said, "arn:aws:logs:log",
    )  # fmt: skip
    assert error.request_id.startswith("request-")
    assert error.__cause__ is not None


@pytest.mark.parametrize(
    ("code", "message", "status", "kind"),
    [
        ("ThrottlingException", "", 400, ThrottledError),
        ("ModelNotReadyException", "The model is not ready", 429, EndpointNotReadyError),
        ("ValidationError", f"Endpoint {NAME} of account 123456789012 not found.", 400, NotFoundError),
        ("ValidationError", "Endpoint X is not in service", 400, EndpointNotReadyError),
        ("ValidationError", "Request body is too large", 400, PayloadTooLargeError),
        ("AccessDeniedException", "User is not authorized", 403, AccessDeniedError),
        ("ServiceUnavailable", "The service is unavailable", 503, AwsError),
        ("413", "", 413, PayloadTooLargeError),
    ],
)
def test_each_refusal_has_its_class_with_code_and_request_id(fake, police, code, message, status, kind) -> None:
    fake.fail("InvokeEndpoint", code, message, status=status)
    with pytest.raises(AwsError) as caught:
        police.classify(_story_picture())
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert caught.value.request_id.startswith("request-")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not json",
        b'{"outputs": [[1]]}',
        b'{"predictions": []}',
        b'{"predictions": [[1.5]]}',
        b'{"predictions": ["x"]}',
    ],
)
def test_an_answer_that_is_none_is_an_invocation_error(fake, police, answer) -> None:
    fake.answer = lambda name, headers, body: (answer, {})
    with pytest.raises(InvocationError):
        police.classify(_story_picture())


def test_a_throttle_that_passes_is_retried_by_botocore(fake, monkeypatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    fake.answer = _answering([[0.9]])
    fake.fail("InvokeEndpoint", "ThrottlingException", "", times=1)
    assert Police.from_endpoint(NAME).classify(_story_picture()).score == 0.9
    assert fake.operations("InvokeEndpoint") == ["InvokeEndpoint"] * 2


def test_one_variant_may_be_asked(fake) -> None:
    fake.answer = _answering([[0.9]])
    Police.from_endpoint(NAME, variant_name="new").classify(_story_picture())
    assert _sent(fake)["headers"]["x-amzn-sagemaker-target-variant"] == "new"


def test_only_asynchronous_endpoints_take_submissions(fake, police) -> None:
    with pytest.raises(ConfigurationError):
        police.submit(Image.new("L", (9, 9)))


def test_deployed_tears_down_at_the_end(fake, spec, pace) -> None:
    fake.answer = _answering([FOUND])
    with Police.deployed(spec, min_confidence=0.5, pace=pace) as police:
        report = police.inspect(Image.new("L", (200, 100)))
        assert len(fake.names) == 3
    assert isinstance(report, Report)
    assert fake.names == set()


@pytest.mark.parametrize(
    ("asynchronous", "wrong"),
    [(True, {"input_url": "bucket/in"}), (False, {"names": [""]}), (False, {"min_confidence": 2.0})],
)
def test_deployed_makes_nothing_when_an_argument_cannot_work(fake, spec, pace, asynchronous, wrong) -> None:
    if asynchronous:
        spec = attrs.evolve(spec, asynchronous=sm.AsyncInference(output_url="s3://bucket/out"))
    with pytest.raises(ConfigurationError), Police.deployed(spec, pace=pace, **wrong):
        pytest.fail("the block ran")
    assert fake.calls == []


def test_deployed_tears_down_when_the_block_fails(fake, spec, pace) -> None:
    with pytest.raises(ZeroDivisionError), Police.deployed(spec, pace=pace):
        raise ZeroDivisionError
    assert fake.names == set()


def test_an_error_of_the_block_keeps_its_class_and_says_what_stayed(fake, spec, pace) -> None:
    fake.fail("DeleteEndpoint", "AccessDeniedException", "not allowed")
    with pytest.raises(ZeroDivisionError) as caught, Police.deployed(spec, pace=pace):
        raise ZeroDivisionError
    assert "LEFT BEHIND: endpoint ElastiCachePoliceEndpoint (" in caught.value.__notes__[0]


def test_deployed_leaves_an_endpoint_that_was_there_before(fake, spec, pace) -> None:
    from elasticache_police import sagemaker_deploy

    sagemaker_deploy.deploy(spec, pace=pace)
    with Police.deployed(spec, pace=pace):
        pass
    assert len(fake.names) == 3


def test_deployed_asks_in_the_specification_s_region_and_within_serverless_limits(
    fake, spec, pace, monkeypatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    fake.answer = _answering([[0.25]])
    serverless = attrs.evolve(spec, variants=[sm.Variant(serverless=sm.Serverless())])
    with Police.deployed(serverless, pace=pace) as police:
        police.classify(Image.new("L", (700, 50), 255))
        backend = police._backend
    (asked,) = [call["headers"] for name, call in fake.calls if name == "InvokeEndpoint"]
    assert "/ap-northeast-1/sagemaker/" in asked["authorization"]
    assert backend._limit_bytes == _wire.SERVERLESS_LIMIT


def test_police_elsewhere_can_be_pickled_before_and_after_they_were_asked(fake) -> None:
    fake.answer = _answering([[0.25]])
    police = Police.from_endpoint(NAME)
    line = Image.new("L", (700, 50), 255)
    for _ in range(2):
        police = pickle.loads(pickle.dumps(police))  # noqa: S301  our own bytes
        assert police.classify(line).score == 0.25


def test_an_answer_that_breaks_off_is_one_of_our_errors(fake) -> None:
    fake.answer = lambda name, headers, body: (b"{", {"missing bytes": 100})
    with pytest.raises(AwsError) as caught:
        Police.from_endpoint(NAME).classify(Image.new("L", (700, 50), 255))
    assert caught.value.operation == "InvokeEndpoint"


def test_many_threads_make_one_client(fake, monkeypatch) -> None:
    from elasticache_police import _aws

    fake.answer = _answering([[0.25]])
    made: list[str] = []
    real = _aws.client
    monkeypatch.setattr(_aws, "client", lambda service, **options: made.append(service) or real(service, **options))
    police = Police.from_endpoint(NAME, session=boto3.session.Session())
    line = Image.new("L", (700, 50), 255)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: police.classify(line), range(16)))
    assert (len(set(answers)), made) == (1, ["sagemaker-runtime"])
