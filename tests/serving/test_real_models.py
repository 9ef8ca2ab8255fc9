"""The whole endpoint over real SavedModels: what the container's own tests ask, types and shapes, boto3."""

from __future__ import annotations

import base64
import concurrent.futures
import io
import json

import boto3
import botocore.exceptions
import numpy as np
import pytest
import requests
from PIL import Image

from elasticache_police.errors import ServingError
from elasticache_police.serving import EndpointOptions, LocalEndpoint

pytestmark = pytest.mark.train

HALF_PLUS_THREE = "tfs-model-name=half_plus_three"


@pytest.fixture(scope="module")
def container(saved_models):
    """Three models without ``code/``."""
    with LocalEndpoint(EndpointOptions(model=saved_models / "container", port=0)) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def police(police_archive):
    """The model as the export packs it."""
    options = EndpointOptions(model=police_archive, port=0, endpoint_name="Police", max_payload_bytes=2_000_000)
    with LocalEndpoint(options) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def runtime(police):
    return boto3.client(
        "sagemaker-runtime",
        endpoint_url=police.url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def post(endpoint, body, content_type="application/json", attributes=HALF_PLUS_THREE, **headers):
    headers |= {"Content-Type": content_type, "X-Amzn-SageMaker-Custom-Attributes": attributes}
    return requests.post(f"{endpoint.url}/invocations", data=body, headers=headers, timeout=60)


def picture(grey=255, size=(700, 50), format_="PNG", box=None):
    image = Image.new("L", size, grey)
    if box is not None:
        image.paste(0, box)
    file = io.BytesIO()
    image.save(file, format_)
    return file.getvalue()


def score(grey):
    return 1 / (1 + np.exp(-4 * (grey - 127.5) / 127.5))


class TestTheContainersOwnQuestions:
    @pytest.mark.parametrize("version", [None, 123, 124])
    def test_predict(self, container, version):
        attributes = HALF_PLUS_THREE + (f",tfs-model-version={version}" if version else "") + ",tfs-method=predict"

        response = post(container, '{"instances": [1.0, 2.0, 5.0]}', attributes=attributes)

        assert (response.status_code, response.json()) == (200, {"predictions": [3.5, 4.0, 5.5]})

    def test_shapes_are_the_models_affair(self, container):
        response = post(container, "1.0,2.0,5.0\n1.0,2.0,5.0", "text/csv")

        assert response.json() == {"predictions": [[3.5, 4.0, 5.5], [3.5, 4.0, 5.5]]}

    def test_regress(self, container):
        body = {"signature_name": "tensorflow/serving/regress", "examples": [{"x": 1.0}, {"x": 2.0}]}

        response = post(container, json.dumps(body), attributes=HALF_PLUS_THREE + ",tfs-method=regress")

        assert response.json() == {"results": [3.5, 4.0]}

    def test_models_of_tensorflow_2_answer_all_three_methods(self, container):
        def ask(method, body):
            attributes = f"tfs-model-name=native,tfs-method={method}"
            response = post(container, json.dumps(body), attributes=attributes)
            return response.status_code, response.json()

        examples = {"examples": [{"x": 1.0}, {"x": 2.0}]}
        regress = {"signature_name": "tensorflow/serving/regress", **examples}
        classify = {"signature_name": "tensorflow/serving/classify", **examples}
        labels = ("half plus three", "as it is")
        scores = [[3.5, 1.0], [4.0, 2.0]]
        results = [[[label, score] for label, score in zip(labels, row, strict=True)] for row in scores]

        assert ask("predict", [[1.0, 2.0, 5.0]]) == (200, {"predictions": [[3.5, 4.0, 5.5]]})
        assert ask("regress", regress) == (200, {"results": [3.5, 4.0]})
        assert ask("classify", classify) == (200, {"results": results})
        assert ask("regress", classify) == (400, {"error": "Expected one output Tensor."})

    def test_an_example_beyond_a_double_is_an_error_of_the_request(self, container):
        body = '{"signature_name": "tensorflow/serving/regress", "examples": [{"x": 1e400}]}'

        response = post(container, body, attributes=HALF_PLUS_THREE + ",tfs-method=regress")

        error = "JSON Parse error: Number too big to be stored in double."
        assert (response.status_code, response.json()) == (400, {"error": error})

    def test_classify_with_a_context_for_all_examples(self, container):
        body = {"signature_name": "tensorflow/serving/classify", "context": {"x": 5.0}, "examples": [{}, {"x": 2.0}]}

        response = post(container, json.dumps(body), attributes=HALF_PLUS_THREE + ",tfs-method=classify")

        assert response.json() == {"results": [[["", 5.5]], [["", 4.0]]]}

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            ({"examples": []}, "'examples' value is an empty array"),
            ({"examples": [{"x": None}]}, "Feature: x has element with unexpected JSON type: Null"),
            ({"examples": [{"x": [1, 1.5]}]}, "Unexpected element type in feature: x expecting type: int64"),
            ({}, "No regression inputs found in SignatureDef: serving_default"),
        ],
    )
    def test_examples_that_do_not_fit(self, container, body, error):
        body = {"signature_name": "tensorflow/serving/regress", "examples": [{"x": 1.0}]} | body
        if error.startswith("No regression inputs"):
            del body["signature_name"]

        response = post(container, json.dumps(body), attributes=HALF_PLUS_THREE + ",tfs-method=regress")

        assert (response.status_code, error in response.json()["error"]) == (400, True)

    def test_an_error_of_tensorflow_itself(self, container):
        body = {"signature_name": "tensorflow/serving/regress", "examples": [{"y": 1.0}]}

        response = post(container, json.dumps(body), attributes=HALF_PLUS_THREE + ",tfs-method=regress")

        assert (response.status_code, "Feature: x (data type: float) is required" in response.json()["error"]) == (
            400,
            True,
        )

    def test_ping(self, container):
        assert requests.get(f"{container.url}/ping", timeout=60).status_code == 200


class TestSeveralInputsAndTypes:
    def test_rows(self, container):
        body = {"instances": [{"a": [1, 2], "n": 2}, {"a": [0.5, 1], "n": 3}]}

        response = post(container, json.dumps(body), attributes="tfs-model-name=two_inputs")

        assert response.json() == {
            "predictions": [
                {"label": "n=2", "raw_bytes": {"b64": base64.b64encode(b"\xc3\xbf2").decode()}, "scaled": [2.0, 4.0]},
                {"label": "n=3", "raw_bytes": {"b64": base64.b64encode(b"\xc3\xbf3").decode()}, "scaled": [1.5, 3.0]},
            ]
        }

    def test_columns_and_types(self, container):
        body = {"signature_name": "typed", "inputs": {"i": [1, 2], "b": [True, False]}}

        response = post(container, json.dumps(body), attributes="tfs-model-name=two_inputs")

        assert response.json() == {"outputs": {"i": [2, 3], "b": [False, True], "d": [1 / 3, 2 / 3]}}

    def test_bytes_that_are_no_text(self, container):
        body = '{"signature_name": "echo", "instances": [{"b64": "/w=="}, "\u00e9"]}'.encode()

        response = post(container, body, attributes="tfs-model-name=two_inputs")

        assert b'["\xff", "\xc3\xa9"' in response.content

    def test_an_unknown_signature(self, container):
        response = post(container, '{"signature_name": "no", "instances": [1]}')

        assert (response.status_code, response.json()) == (
            400,
            {"error": 'Serving signature name: "no" not found in signature def'},
        )


class TestBoto3:
    def test_the_storys_request(self, runtime):
        crop = np.full((1, 50, 700, 1), 0.25, np.float32)

        response = runtime.invoke_endpoint(
            EndpointName="Police",
            ContentType="application/json",
            Accept="application/json",
            Body=str(crop.tolist()),
        )

        assert (response["ContentType"], response["InvokedProductionVariant"]) == ("application/json", "AllTraffic")
        predictions = json.load(response["Body"])
        assert list(predictions) == ["predictions"]
        np.testing.assert_allclose(predictions["predictions"], [[1 / (1 + np.exp(-1))]], rtol=1e-5)

    def test_crops_as_base64(self, runtime):
        crops = [picture(grey, format_=format_) for grey, format_ in [(255, "PNG"), (128, "JPEG"), (0, "PNG")]]
        rows = [{"b64": base64.b64encode(crop).decode()} for crop in crops]

        response = runtime.invoke_endpoint(
            EndpointName="Police",
            ContentType="application/json",
            Body=json.dumps({"signature_name": "classify", "instances": rows}),
        )

        expected = [[score(255)], [score(128)], [score(0)]]
        np.testing.assert_allclose(json.load(response["Body"])["predictions"], expected, rtol=1e-4)

    def test_a_picture_as_it_is(self, runtime):
        page = picture(size=(300, 200), box=(10, 20, 110, 60))

        response = runtime.invoke_endpoint(EndpointName="Police", ContentType="application/x-image", Body=page)

        (found,) = json.load(response["Body"])["predictions"]
        assert (found["count"], found["boxes"][0], found["readings"][0]) == (1, [10, 20, 110, 60], "ElasticCache")

    def test_a_bad_picture_is_a_model_error(self, runtime):
        with pytest.raises(runtime.exceptions.ModelError) as caught:
            runtime.invoke_endpoint(EndpointName="Police", ContentType="application/x-image", Body=b"no picture")

        assert caught.value.response["OriginalStatusCode"] == 500  # 400 from TensorFlow 2.20 on
        assert "Unknown image file format" in caught.value.response["OriginalMessage"]

    def test_another_endpoints_name_is_a_validation_error(self, runtime):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            runtime.invoke_endpoint(EndpointName="Other", Body=b"")

        assert caught.value.response["Error"] == {
            "Code": "ValidationError",
            "Message": "Endpoint Other of account 000000000000 not found.",
        }

    def test_a_request_that_is_too_large_is_answered_413(self, runtime):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            runtime.invoke_endpoint(EndpointName="Police", Body=bytes(3_000_000))

        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
        assert caught.value.response["Error"]["Message"] == "HTTP content length exceeded 2000000 bytes."

    def test_many_at_once_are_all_answered(self, runtime):
        def ask(grey):
            response = runtime.invoke_endpoint(
                EndpointName="Police",
                ContentType="image/png",
                CustomAttributes="signature=classify",
                Body=picture(grey),
            )
            return json.load(response["Body"])["predictions"][0][0]

        greys = list(range(0, 256, 8))
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(ask, greys))

        np.testing.assert_allclose(answers, [score(grey) for grey in greys], rtol=1e-4)


class TestHttp:
    def test_a_body_in_chunks_is_read(self, container):
        response = post(container, iter([b'{"instances": ', b"[1.0]}"]))

        assert response.json() == {"predictions": [3.5]}

    def test_a_connection_serves_many_requests(self, container):
        with requests.Session() as session:
            url = f"{container.url}/ping"
            assert [session.get(url, timeout=60).status_code for _ in range(3)] == [200, 200, 200]


class TestStart:
    def test_a_model_that_tensorflow_cannot_load_stops_the_start(self, tmp_path):
        (tmp_path / "1").mkdir()
        (tmp_path / "1" / "saved_model.pb").write_bytes(b"\xff no graph")

        with pytest.raises(ServingError, match=r"TensorFlow 2.* cannot load it"):
            LocalEndpoint(EndpointOptions(model=tmp_path, port=0)).start()
