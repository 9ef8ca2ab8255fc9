"""The ``inference.py`` that goes into every archive, on its own and in both generations of the container."""

from __future__ import annotations

import ast
import base64
import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from elasticache_police.model.serving_code import inference

SOURCE = Path(inference.__file__)


def context(content_type="application/json", accept="application/json", attributes=None):
    return SimpleNamespace(request_content_type=content_type, accept_header=accept, custom_attributes=attributes)


def before(body, *args, **kwargs):
    return inference.input_handler(io.BytesIO(body), context(*args, **kwargs))


@pytest.mark.parametrize("content_type", ["application/x-image", "image/png", "Image/JPEG; q=1"])
def test_a_picture_goes_to_inspect_as_base64(content_type):
    assert json.loads(before(b"\x89PNG", content_type)) == {
        "signature_name": "inspect",
        "instances": [{"b64": base64.b64encode(b"\x89PNG").decode()}],
    }


def test_an_attribute_chooses_the_signature_of_a_picture():
    body = before(b"x", "application/x-image", attributes="tfs-model-name=m,signature=classify")

    assert json.loads(body)["signature_name"] == "classify"


def test_the_environment_chooses_the_signature_of_pictures_for_batch_transform(monkeypatch):
    monkeypatch.setenv("POLICE_PICTURE_SIGNATURE", "classify")

    assert json.loads(before(b"x", "application/x-image"))["signature_name"] == "classify"


@pytest.mark.parametrize(
    "body",
    [
        '{"instances": [1.0]}',
        '{"inputs": {"x": [1.0]}}',
        '{ "examples" : [{}] }',
        '{"signature_name": "a", "instances":[]}',
    ],
)
def test_tensorflow_servings_own_json_stays_as_it_is(body):
    assert before(body.encode()) == body


def test_the_storys_request_becomes_one_instance_of_50_by_700():
    crop = np.zeros((1, 50, 700, 1), np.float32)

    sent = json.loads(before(str(crop.tolist()).encode()))

    assert np.array_equal(np.array(sent["instances"], np.float32), crop)


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ("[1, 2]", "application/json; charset=utf-8", {"instances": [[1, 2]]}),
        ('{"a": 1}', "application/json", {"instances": [{"a": 1}]}),
        ("[1]\n[2]\r\n\n[3]", "application/jsonlines", {"instances": [[1], [2], [3]]}),
        ('{"a": "x\u2028y"}\n{"a": ""}', "application/jsons", {"instances": [{"a": "x\u2028y"}, {"a": ""}]}),
        ('a,"b,""c"""\nd,e', "text/csv", {"instances": [["a", 'b,"c"'], ["d", "e"]]}),
        ("1,x\n01,1.", "text/csv", {"instances": [[1, "x"], ["01", "1."]]}),
    ],
)
def test_other_forms_become_instances(body, content_type, expected):
    assert json.loads(before(body.encode(), content_type)) == expected


@pytest.mark.parametrize("body", [b"", b"%PDF-1.7 \xff\xfe"])
def test_other_content_types_are_refused_whatever_the_body_is(body):
    with pytest.raises(ValueError, match="Unsupported Media Type: application/pdf"):
        before(body, "application/pdf")


def test_a_request_without_a_picture_is_refused():
    with pytest.raises(ValueError, match="no picture in it"):
        before(b"", "application/x-image")


def answer(content, status=200):
    return SimpleNamespace(status_code=status, content=content)


@pytest.mark.parametrize("accept", ["application/json", "*/*", "", None])
def test_an_answer_goes_on_as_json(accept):
    assert inference.output_handler(answer(b"{\n}"), context(accept=accept)) == (b"{\n}", "application/json")


def test_json_lines_are_one_line_each():
    assert inference.output_handler(answer(b"{\n}"), context(accept="application/jsonlines")) == (
        b"{}\n",
        "application/jsonlines",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [(b'{"error": "no"}', "TensorFlow Serving answered 400: no"), (b"<html>", "answered 400: <html>")],
)
def test_an_error_of_the_model_is_never_passed_on_as_an_answer(content, message):
    with pytest.raises(ValueError, match=message):
        inference.output_handler(answer(content, 400), context())


def test_it_needs_the_standard_library_only():
    tree = ast.parse(SOURCE.read_bytes(), feature_version=(3, 7))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {name.partition(".")[0] for name in imported} - sys.stdlib_module_names == set()


def test_it_runs_on_its_own_outside_of_the_package(tmp_path):
    script = tmp_path / "inference.py"
    script.write_bytes(SOURCE.read_bytes())

    subprocess.run([sys.executable, "-I", "-S", "-W", "error", str(script)], check=True, cwd=tmp_path)


@pytest.mark.parametrize(("container", "status"), [("2.19", 500), ("2.20", 400)])
def test_in_the_container_it_answers_and_refuses(loopback, half_plus, tmp_path, monkeypatch, container, status):
    code = tmp_path / "code"
    code.mkdir()
    (code / "inference.py").write_bytes(SOURCE.read_bytes())
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    endpoint = loopback({"half_plus_three": {1: half_plus(3)}}, code=code, container=container)

    assert json.loads(endpoint.invoke("[1.0, 2.0]").body) == {"predictions": [[3.5, 4.0]]}
    assert endpoint.invoke('{"instances": ["x"]}').status == status
