"""An archive's ``code/inference.py`` is run as the container runs it."""

from __future__ import annotations

import json
import sys

import pytest

from elasticache_police.errors import ModelFileError

PAIR = """
import json

def input_handler(data, context):
    if context.request_content_type == "application/json":
        return data.read().decode("utf-8")
    if context.request_content_type == "text/csv":
        return json.dumps({"instances": [float(x) for x in data.read().decode("utf-8").split(",")]})
    raise ValueError("unsupported content type " + context.request_content_type)

def output_handler(response, context):
    if response.status_code != 200:
        raise ValueError(response.content.decode("utf-8"))
    return response.content, context.accept_header
"""
CARELESS_PAIR = """
def input_handler(data, context):
    return data.read()

def output_handler(response, context):
    return response.content, context.accept_header
"""
ECHO_CONTEXT = """
import json

def handler(data, context):
    return json.dumps(context._asdict() | {"read": data.read().decode()}), "application/x-context"
"""


@pytest.fixture
def endpoint(loopback, half_plus):
    def make(code, container="2.19"):
        return loopback({"half_plus_three": {1: half_plus(3)}}, code=code, container=container)

    return make


def test_a_pair_of_handlers_stands_before_and_behind_the_model(endpoint, code_dir):
    loopback = endpoint(code_dir(PAIR))

    response = loopback.invoke("1.0,2.0,5.0", "text/csv", accept="application/json")

    assert (response.status, json.loads(response.body), response.content_type) == (
        200,
        {"predictions": [3.5, 4.0, 5.5]},
        "application/json",
    )


def test_a_handler_does_it_all(endpoint, code_dir):
    code = code_dir("def handler(data, context):\n    return data.read()[::-1], 'text/plain'\n")

    response = endpoint(code).invoke(b"abc", "application/x-whatever")

    assert (response.status, response.body, response.content_type) == (200, b"cba", "text/plain")


@pytest.mark.parametrize("body", ["'abc'", "b'abc'", "bytearray(b'abc')", "memoryview(b'abc')"])
def test_a_body_is_text_or_bytes_of_any_kind(endpoint, code_dir, body):
    code = code_dir(f"def handler(data, context):\n    return {body}, 'text/plain; charset=utf-8 '\n")

    response = endpoint(code).invoke(b"", "text/x")

    assert (response.status, response.body, response.content_type) == (200, b"abc", "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    "answer",
    [
        "None, 'text/plain'",
        "{'a': 1.5}, 'application/json'",
        "None",
        "'no type'",
        "5, 'text/plain'",
        "[65, 66], 'text/plain'",
        "b'abc', 'text/plain\\r\\nX-Injected: yes'",
        "b'abc', 'text/\\x00'",
        "b'abc', 'text/\\u4e16'",
    ],
)
def test_a_handler_that_answers_what_is_no_body_is_an_error_of_the_model(endpoint, code_dir, answer):
    response = endpoint(code_dir(f"def handler(data, context):\n    return {answer}\n")).invoke(b"abc", "text/x")

    assert response.status == 500
    assert json.loads(response.body)["error"]


@pytest.mark.parametrize(("container", "more"), [("2.19", {}), ("2.20", {"timeout": 60.0})])
def test_handlers_get_the_containers_context(endpoint, code_dir, container, more):
    response = endpoint(code_dir(ECHO_CONTEXT), container).invoke(
        "body",
        "text/x",
        accept="text/y",
        content_length="4",
        x_amzn_sagemaker_custom_attributes="tfs-model-name=m,tfs-model-version=5,tfs-method=regress,mine=1",
    )

    assert (response.content_type, json.loads(response.body)) == (
        "application/x-context",
        {
            "model_name": "m",
            "model_version": "5",
            "method": "regress",
            "rest_uri": "http://127.0.0.1:8501/v1/models/m/versions/5:regress",
            "grpc_port": None,
            "channel": None,
            "custom_attributes": "tfs-model-name=m,tfs-model-version=5,tfs-method=regress,mine=1",
            "request_content_type": "text/x",
            "accept_header": "text/y",
            "content_length": 4,
            "read": "body",
            **more,
        },
    )


def test_the_context_of_a_bare_request_has_the_containers_defaults(endpoint, code_dir):
    context = json.loads(endpoint(code_dir(ECHO_CONTEXT)).invoke("", None).body)

    assert (
        context["model_name"],
        context["method"],
        context["request_content_type"],
        context["accept_header"],
        context["rest_uri"],
    ) == (None, None, "application/json", "application/json", "http://127.0.0.1:8501/v1/models/half_plus_three:predict")


@pytest.mark.parametrize("container", ["2.19", "2.20"])
def test_what_a_handler_raises_is_answered_500(endpoint, code_dir, container):
    response = endpoint(code_dir(PAIR), container).invoke("x", "unsupported-type")

    assert (response.status, json.loads(response.body)) == (500, {"error": "unsupported content type unsupported-type"})


def test_up_to_2_19_a_pair_sees_the_models_error_itself(endpoint, code_dir):
    response = endpoint(code_dir(PAIR)).invoke("")

    assert response.status == 500
    assert "The document is empty" in json.loads(response.body)["error"]


def test_up_to_2_19_an_error_that_nobody_looks_at_is_lost_in_a_200(endpoint, code_dir):
    response = endpoint(code_dir(CARELESS_PAIR)).invoke("{}")

    assert (response.status, json.loads(response.body)) == (200, {"error": "Missing 'inputs' or 'instances' key"})


@pytest.mark.parametrize("source", [PAIR, CARELESS_PAIR])
def test_from_2_20_the_models_status_comes_through_a_pair(endpoint, code_dir, source):
    response = endpoint(code_dir(source), "2.20").invoke("{}")

    assert (response.status, json.loads(response.body)) == (
        400,
        {
            "title": "400 Bad Request",
            "description": "{\n    \"error\": \"Missing 'inputs' or 'instances' key\"\n}",
        },
    )


@pytest.mark.parametrize(("left_with", "said"), [("", ""), ("3", "3"), ("'no model'", "'no model'")])
@pytest.mark.parametrize("container", ["2.19", "2.20"])
def test_a_handler_that_exits_is_an_error_of_the_model(endpoint, code_dir, container, left_with, said):
    code = code_dir(f"import sys\ndef handler(data, context):\n    sys.exit({left_with})\n")

    response = endpoint(code, container).invoke("")

    assert (response.status, json.loads(response.body)) == (500, {"error": f"the handler called sys.exit({said})"})


@pytest.mark.parametrize(
    ("raised", "status", "body", "headers"),
    [
        ("HTTPError('409', description='later')", 409, {"title": "409 Conflict", "description": "later"}, {}),
        ("HTTPBadRequest(title='No picture')", 400, {"title": "No picture"}, {}),
        (
            "HTTPServiceUnavailable(retry_after=3, code=7)",
            503,
            {"title": "503 Service Unavailable", "code": 7},
            {"Retry-After": "3"},
        ),
    ],
)
def test_from_2_20_an_error_of_falcon_is_answered_as_falcon_does(endpoint, code_dir, raised, status, body, headers):
    pytest.importorskip("falcon")
    code = code_dir(f"import falcon\ndef handler(data, context):\n    raise falcon.{raised}\n")

    response = endpoint(code, "2.20").invoke("")

    assert (response.status, json.loads(response.body), response.headers) == (status, body, headers)
    assert endpoint(code, "2.19").invoke("").status == 500


def test_ping_is_answered_by_the_python_service_whatever_the_model_does(loopback, code_dir):
    assert loopback({}, code=code_dir(PAIR), default="gone").request("GET", "/ping").status == 200


def test_modules_in_code_and_in_its_lib_can_be_imported(endpoint, code_dir):
    code_dir("NAME = 'beside'\n", "beside_of_it.py")
    code_dir("NAME = 'lib'\n", "lib/in_the_lib/__init__.py")
    code = code_dir(
        "import beside_of_it, in_the_lib\n"
        "def handler(data, context):\n    return beside_of_it.NAME + in_the_lib.NAME, 'text/plain'\n"
    )

    assert endpoint(code).invoke("").body == b"besidelib"


@pytest.mark.parametrize("module", ["PIL", "PIL.Image", "tensorflow"])
def test_what_the_managed_image_lacks_cannot_be_imported_here_either(endpoint, code_dir, monkeypatch, module):
    for name in [name for name in sys.modules if name.partition(".")[0] == module.partition(".")[0]]:
        monkeypatch.delitem(sys.modules, name)

    with pytest.raises(ModelFileError, match="SageMaker's managed TensorFlow image does not have it"):
        endpoint(code_dir(f"import {module}\n"))


def test_what_the_archive_brings_along_can_be_imported(endpoint, code_dir, monkeypatch):
    monkeypatch.delitem(__import__("sys").modules, "PIL", raising=False)
    code_dir("__version__ = 'vendored'\n", "lib/PIL/__init__.py")
    code = code_dir("import PIL\ndef handler(data, context):\n    return PIL.__version__, 'text/plain'\n")

    assert endpoint(code).invoke("").body == b"vendored"


def test_what_the_requirements_ask_for_is_taken_from_here(endpoint, code_dir, caplog):
    code_dir("pillow\n", "requirements.txt")
    code = code_dir("import PIL\ndef handler(data, context):\n    return PIL.__name__, 'text/plain'\n")

    assert endpoint(code).invoke("").body == b"PIL"
    assert "requirements.txt is not installed" in caplog.text


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def input_handler(data, context): ...", "needs handler, or input_handler and output_handler"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("1 / 0", "ZeroDivisionError"),
        ("import sys\nsys.exit('not today')", "SystemExit: not today"),
        ("def broken(:", "SyntaxError"),
    ],
)
def test_code_that_cannot_work_stops_the_start(endpoint, code_dir, source, message):
    with pytest.raises(ModelFileError, match=message):
        endpoint(code_dir(source))


@pytest.mark.parametrize(("container", "status"), [("2.19", 200), ("2.20", 400)])
def test_code_without_an_inference_py_passes_bodies_on_as_they_are(endpoint, code_dir, container, status):
    loopback = endpoint(code_dir("", "lib/helper.py"), container)

    assert loopback.invoke('{"instances": [1.0]}').status == 200
    assert loopback.invoke("[1.0]").status == status  # the Python service does not wrap, and up to 2.19 loses a status
    assert [body for _, body, _ in loopback.posted] == [b'{"instances": [1.0]}', b"[1.0]"]


def test_from_2_20_code_without_an_inference_py_tells_errors_as_handlers_do(endpoint, code_dir):
    response = endpoint(code_dir("", "lib/helper.py"), "2.20").invoke("{}", accept="text/plain")

    assert (response.status, response.content_type, json.loads(response.body)) == (
        400,
        "application/json",
        {
            "title": "400 Bad Request",
            "description": "{\n    \"error\": \"Missing 'inputs' or 'instances' key\"\n}",
        },
    )
