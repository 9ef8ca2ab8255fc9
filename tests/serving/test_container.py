"""The container's contract: paths, content types, JSON forms, attributes, statuses, with and without ``code/``.

What the managed container's own tests ask of it is asked here of numpy models, and of real ones in
``test_real_models.py``.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

ATTRIBUTES = "tfs-model-name=half_plus_three,tfs-method=predict"
ROW = {"predictions": [[3.5, 4.0, 5.5]]}
TWO_ROWS = {"predictions": [[3.5, 4.0, 5.5], [3.5, 4.0, 5.5]]}


def answer(response):
    return response.status, json.loads(response.body)


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ('{"instances": [1.0, 2.0, 5.0]}', "application/json", {"predictions": [3.5, 4.0, 5.5]}),
        ('{"instances": [[1.0, 2.0, 5.0], [1.0, 2.0, 5.0]]}', "application/json", TWO_ROWS),
        ('{"inputs": [1.0, 2.0, 5.0]}', "application/json", {"outputs": [3.5, 4.0, 5.5]}),
        ('{"inputs": {"x": [[1.0]]}}', "application/json", {"outputs": [[3.5]]}),
        ('{"instances": [{"x": 1.0}, {"x": 2.0}]}', "application/json", {"predictions": [3.5, 4.0]}),
        ("[1.0, 2.0, 5.0]", "application/json", ROW),
        ("[[1.0, 2.0, 5.0], [1.0, 2.0, 5.0]]", "application/json", TWO_ROWS),
        (" [ [1.0, 2.0, 5.0] ]", "application/json", ROW),
        ("1.0", "application/json", {"predictions": [3.5]}),
        ('{"x": [1.0, 2.0, 5.0]}', "application/json", ROW),
        ("[1.0, 2.0, 5.0]\n[1.0, 2.0, 5.0]", "application/json", TWO_ROWS),
        ("[1.0, 2.0, 5.0]\r\n\r\n[1.0, 2.0, 5.0]\r\n", "application/jsonlines", TWO_ROWS),
        ("[1.0, 2.0, 5.0]\n[1.0, 2.0, 5.0]", "application/jsons", TWO_ROWS),
        ('{"x": [1.0, 2.0, 5.0]}\n{"x": [1.0, 2.0, 5.0]}', "application/json", TWO_ROWS),
        ("1.0", "text/csv", {"predictions": [3.5]}),
        ("0.0", "text/csv", {"predictions": [3.0]}),
        ("0.0,2.0,5.0", "text/csv", {"predictions": [[3.0, 4.0, 5.5]]}),
        ("1.0,2.0,5.0\n1.0,2.0,5.0", "text/csv", TWO_ROWS),
        ("1.0\n2.0\n\n5.0\n", "text/csv", {"predictions": [3.5, 4.0, 5.5]}),
        (" 1e0 , -2 \n", "text/csv", {"predictions": [[3.5, 2.0]]}),
    ],
)
def test_every_form_of_a_request_is_understood(half_plus_three, body, content_type, expected):
    response = half_plus_three.invoke(body, content_type, x_amzn_sagemaker_custom_attributes=ATTRIBUTES)

    assert answer(response) == (200, expected)


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        (None, "half_plus_three:predict"),
        ("tfs-model-name=half_plus_three", "half_plus_three:predict"),
        ("tfs-model-version=123", "half_plus_three/versions/123:predict"),
        ("tfs-model-name=other,tfs-model-version=7,tfs-method=regress", "other/versions/7:regress"),
        ("trace=1, tfs-method=classify", "half_plus_three:classify"),
    ],
)
def test_custom_attributes_choose_model_version_and_method(half_plus_three, attributes, path):
    headers = {} if attributes is None else {"x_amzn_sagemaker_custom_attributes": attributes}

    half_plus_three.invoke("1.0", **headers)

    assert half_plus_three.posted == [(f"http://127.0.0.1:8501/v1/models/{path}", b'{"instances":[1.0]}', 60.0)]


def test_the_highest_version_answers_and_others_on_demand(loopback, half_plus):
    endpoint = loopback({"m": {9: half_plus(9), 10: half_plus(10)}}, default="m")

    def ask(**headers):
        return json.loads(endpoint.invoke('{"instances": [0.0]}', **headers).body)["predictions"]

    assert ask() == [10.0]
    assert ask(x_amzn_sagemaker_custom_attributes="tfs-model-version=9") == [9.0]


@pytest.mark.parametrize(
    ("attributes", "status", "error"),
    [
        ("tfs-model-name=nobody", 404, "Servable not found for request: Latest(nobody)"),
        ("tfs-model-version=7", 404, "Servable not found for request: Specific(half_plus_three, 7)"),
        (f"tfs-model-version={2**63}", 400, f"Failed to convert version: {2**63} to numeric value"),
        (f"tfs-model-version={'1' * 5000}", 400, f"Failed to convert version: {'1' * 1000} to numeric value"),
        ("tfs-method=guess", 400, "Malformed request: POST /v1/models/half_plus_three:guess"),
        ("tfs-model-version=x", 400, "Malformed request: POST /v1/models/half_plus_three/versions/x:predict"),
    ],
)
def test_what_is_not_served_is_said_by_tensorflow_serving(half_plus_three, attributes, status, error):
    response = half_plus_three.invoke("1.0", x_amzn_sagemaker_custom_attributes=attributes)

    assert answer(response) == (status, {"error": error})


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ("tfs-model-name=../../v1", "invalid tfs-model-name"),
        ("tfs-model-version=x", "invalid tfs-model-version"),
        ("tfs-method=guess", "invalid tfs-method"),
    ],
)
def test_containers_from_2_20_refuse_bad_attributes_themselves(loopback, half_plus, attributes, error):
    endpoint = loopback({"half_plus_three": {1: half_plus(3)}}, container="2.20")

    response = endpoint.invoke("1.0", x_amzn_sagemaker_custom_attributes=attributes)

    assert (answer(response), endpoint.posted) == ((400, {"error": error}), [])


def test_the_answer_is_tensorflow_servings_to_the_character(half_plus_three):
    response = half_plus_three.invoke('{"instances": [1.0, 2.0, 5.0]}', accept="*/*")

    assert response.body == b'{\n    "predictions": [3.5, 4.0, 5.5\n    ]\n}'
    assert response.content_type == "application/json"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/jsonlines", "application/jsonlines"),
        ("application/json", "application/json"),
        ("application/json, application/jsonlines", "application/json"),
    ],
)
def test_whoever_accepts_json_by_name_gets_it_on_one_line(half_plus_three, accept, content_type):
    response = half_plus_three.invoke('{"instances": [1.0, 2.0, 5.0]}', accept=accept)

    assert (response.content_type, response.body) == (content_type, b'{    "predictions": [3.5, 4.0, 5.5    ]}')


def test_junk_is_refused_with_tensorflow_servings_words(half_plus_three):
    assert answer(half_plus_three.invoke("whatever")) == (
        400,
        {"error": "JSON Parse error: Invalid value. at offset: 14"},
    )
    assert answer(half_plus_three.invoke('{"junk": "data"}')) == (
        400,
        {
            "error": "Failed to process element: 0 key: junk of 'instances' list. Error: INVALID_ARGUMENT: "
            "JSON object: does not have named input: junk"
        },
    )


@pytest.mark.parametrize(
    ("content_type", "shown"),
    [
        ("application/x-image", "application/x-image"),
        (None, "Unknown"),
        ("application/json; charset=utf-8", "application/json; charset=utf-8"),
    ],
)
def test_containers_up_to_2_19_take_four_content_types_by_their_exact_names(half_plus_three, content_type, shown):
    assert answer(half_plus_three.invoke("1.0", content_type)) == (415, {"error": f"Unsupported Media Type: {shown}"})


def test_containers_from_2_20_read_content_types_as_http_means_them(loopback, half_plus):
    endpoint = loopback({"half_plus_three": {1: half_plus(3)}}, container="2.20")

    assert endpoint.invoke("1.0", "Application/JSON; charset=utf-8").status == 200
    assert answer(endpoint.invoke("1.0", "Image/PNG;x=y")) == (415, {"error": "Unsupported Media Type: image/png"})


def test_ping_asks_for_the_default_model(loopback, half_plus_three):
    assert half_plus_three.request("GET", "/ping").status == 200
    assert loopback({}, default="gone").request("GET", "/ping").status == 502


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/invocations", 405),
        ("POST", "/ping", 405),
        ("GET", "/endpoints/E/invocations", 405),
        ("GET", "/", 404),
        ("POST", "/v1/models/half_plus_three:predict", 404),
        ("POST", "/models", 404),
    ],
)
def test_other_requests_are_refused(half_plus_three, method, path, status):
    response = half_plus_three.request(method, path)

    assert (response.status, list(json.loads(response.body))) == (status, ["error"])


def test_the_runtime_names_the_variant_that_answered(half_plus_three):
    response = half_plus_three.invoke("1.0", path="/endpoints/AnyName/invocations")

    assert (response.status, response.headers["x-Amzn-Invoked-Production-Variant"]) == (200, "AllTraffic")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "side"),
    [("whatever", "application/json", 400, "client"), ("1.0", "image/png", 415, "client")],
)
def test_the_runtime_wraps_the_containers_error_into_a_model_error(half_plus_three, body, content_type, status, side):
    original = half_plus_three.invoke(body, content_type).body.decode()

    response = half_plus_three.invoke(body, content_type, path="/endpoints/E/invocations")

    assert (response.status, response.headers["x-amzn-ErrorType"]) == (424, "ModelError")
    assert json.loads(response.body) == {
        "ErrorCode": "CLIENT_ERROR_FROM_MODEL",
        "LogStreamArn": "arn:aws:logs:us-east-1:000000000000:log-group:/aws/sagemaker/Endpoints/E",
        "Message": f'Received {side} error ({status}) from primary with message "{original}".',
        "OriginalMessage": original,
        "OriginalStatusCode": status,
    }


def test_the_runtime_knows_one_name_when_it_is_told_one(loopback, half_plus):
    endpoint = loopback({"half_plus_three": {1: half_plus(3)}}, endpoint_name="Mine")

    assert endpoint.invoke("1.0", path="/endpoints/Mine/invocations").status == 200
    response = endpoint.invoke("1.0", path="/endpoints/Other/invocations")
    assert (response.status, response.headers["x-amzn-ErrorType"], json.loads(response.body)) == (
        400,
        "ValidationError",
        {"Message": "Endpoint Other of account 000000000000 not found."},
    )


def test_the_process_in_front_of_tensorflow_serving_does_without_tensorflow():
    code = (
        "import sys; from elasticache_police.serving import LocalEndpoint, child, container, handlers;"
        "print(sorted({'tensorflow', 'keras', 'numpy', 'PIL', 'boto3', 'uvicorn'} & sys.modules.keys()))"
    )

    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert shown.strip() == "[]"
