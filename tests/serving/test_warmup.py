"""Warm-up requests: what an export brings along, what TensorFlow Serving's own messages say, and who refuses what."""

from __future__ import annotations

import numpy as np
import pytest

from elasticache_police.errors import ModelFileError
from elasticache_police.serving.servable import Servable, Signature, TensorSpec, warm_up
from elasticache_police.serving.status import Code, ServingStatusError

pytestmark = pytest.mark.train

# Written by tensorflow-serving-api 2.21: a PredictionLog with log_metadata, a model's name and version, an
# output_filter and the input x = [1, 2, 5] of serving_default; and one with a classify_log.
PREDICT = bytes.fromhex(
    "0a0b120909000000000000e03f32400a3e0a1c0a056d6f64656c120208031a0f73657276696e675f64656661756c74121b0a01781216080112"
    "0412020803220c0000803f000000400000a0401a0179"
)
CLASSIFY = bytes.fromhex("120b0a090a070a056d6f64656c")


def put(saved_model, *records):
    """Write records where TensorFlow Serving looks for them."""
    import tensorflow as tf

    from elasticache_police.model.warmup import REQUESTS

    path = saved_model / REQUESTS
    path.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


class Half:
    """A model that halves, and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        spec = {"x": TensorSpec(tensor="x:0", dtype="float")}
        outputs = {"y": TensorSpec(tensor="y:0", dtype="float")}
        names = ("serving_default", "other")
        signatures = {name: Signature(name=name, inputs=spec, outputs=outputs) for name in names}
        self.servable = Servable(signatures, lambda _feed, _fetch: self.call, ValueError)

    def call(self, x):
        if x.size > 3:
            raise ValueError("too many")
        self.asked.append(x.tolist())
        return [x / 2]


def test_what_tensorflow_servings_own_messages_say_is_asked_once_each(tmp_path):
    model = Half()
    put(tmp_path, PREDICT, CLASSIFY, PREDICT)
    warm_up(model.servable, tmp_path)
    assert model.asked == [[1.0, 2.0, 5.0]] * 2


def test_a_model_without_requests_is_asked_nothing(tmp_path):
    model = Half()
    warm_up(model.servable, tmp_path)
    assert model.asked == []


def test_a_damaged_file_is_said_to_be_damaged(tmp_path):
    path = put(tmp_path, PREDICT)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ModelFileError, match="no warm-up requests as TensorFlow Serving writes them"):
        warm_up(Half().servable, tmp_path)


def test_what_is_no_message_is_refused(tmp_path):
    put(tmp_path, b"\xff\xff\xff")
    with pytest.raises(ModelFileError, match="no warm-up requests"):
        warm_up(Half().servable, tmp_path)


def test_a_signature_that_the_model_lacks_is_named(tmp_path):
    put(tmp_path, PREDICT.replace(b"serving_default", b"serving_unknown"))
    with pytest.raises(ModelFileError, match=r"no signature 'serving_unknown' .* takes \['x'\]"):
        warm_up(Half().servable, tmp_path)


def test_an_input_that_the_signature_lacks_is_named(tmp_path):
    put(tmp_path, PREDICT.replace(b"\x0a\x01x", b"\x0a\x01z"))
    with pytest.raises(ModelFileError, match=r"takes \['z'\]"):
        warm_up(Half().servable, tmp_path)


def test_a_request_that_the_model_refuses_stops_the_start(tmp_path, monkeypatch):
    put(tmp_path, PREDICT)
    model = Half()

    def refuse(*_):
        raise ServingStatusError(Code.INVALID_ARGUMENT, "it does not fit")

    monkeypatch.setattr(model.servable, "run", refuse)
    with pytest.raises(ModelFileError, match=r"serving_default refused its warm-up request: .*it does not fit"):
        warm_up(model.servable, tmp_path)


def test_no_more_than_a_thousand_are_taken(tmp_path):
    model = Half()
    put(tmp_path, *[PREDICT] * 1001)
    with pytest.raises(ModelFileError, match="more than 1000 warm-up requests"):
        warm_up(model.servable, tmp_path)
    assert len(model.asked) == 1000


def test_the_export_of_a_model_asks_each_of_its_signatures(tmp_path):
    from elasticache_police.model.warmup import read_requests, write_requests

    path = write_requests(tmp_path)
    asked = {request.signature: request.inputs for request in read_requests(tmp_path)}
    assert list(asked) == ["inspect", "classify", "serving_default"]
    assert asked["serving_default"]["image"].shape == (1, 50, 700, 1)
    assert (asked["serving_default"]["image"] == np.float32(1)).all()
    for signature in ("inspect", "classify"):
        (content,) = asked[signature]["image_bytes"].tolist()
        assert content.startswith(b"\x89PNG")
    assert path.stat().st_size < 10_000


def test_names_stand_on_the_page_that_is_asked_about(tmp_path):
    """Or what reads them would not be warm."""
    from elasticache_police import Police
    from elasticache_police.model.warmup import read_requests, write_requests

    write_requests(tmp_path)
    content = next(iter(read_requests(tmp_path))).inputs["image_bytes"].tolist()[0]
    report = Police().inspect(content)
    assert {finding.reading for finding in report.findings} >= {"ElastiCache", "ElasticCache"}
    x0, y0, x1, y1 = max((finding.box for finding in report.findings), key=lambda box: box[3] - box[1])
    assert y1 - y0 > x1 - x0, "a name that runs up the page"
