"""Models and endpoints for the tests of the local endpoint.

Most tests need no TensorFlow: :class:`Loopback` puts the container's side and TensorFlow Serving's side together in
this process, over models that are numpy functions. The tests marked ``train`` run the whole endpoint over real
SavedModels.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import numpy as np
import pytest

from elasticache_police.serving import ContainerVersion
from elasticache_police.serving.container import Container
from elasticache_police.serving.handlers import load_handlers
from elasticache_police.serving.http import Request
from elasticache_police.serving.rest import RestApi
from elasticache_police.serving.servable import Servable, Signature, TensorSpec

MODELS_SCRIPT = Path(__file__).with_name("models.py")
INFERENCE_CODE = MODELS_SCRIPT.parents[2] / "src/elasticache_police/model/serving_code/inference.py"


def load_models_module():
    spec = importlib.util.spec_from_file_location("serving_test_models", MODELS_SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class NumpyError(Exception):
    """What a numpy model raises where TensorFlow would raise an OpError."""

    error_code = 3
    message = "it does not fit"


def numpy_servable(functions):
    """Make a servable of ``{signature name: (inputs, outputs, function)}``, types by name."""
    signatures = {
        name: Signature(
            name=name,
            inputs={key: TensorSpec(tensor=f"{name}/{key}", dtype=dtype) for key, dtype in inputs.items()},
            outputs={key: TensorSpec(tensor=f"{name}/{key}", dtype=dtype) for key, dtype in outputs.items()},
        )
        for name, (inputs, outputs, _) in functions.items()
    }

    def make_call(_feed, fetch):
        _, outputs, function = functions[fetch[0].partition("/")[0]]

        def call(*tensors):
            try:
                answers = function(*tensors)
            except ValueError as error:
                raise NumpyError from error
            return [answers[key] for key in outputs]

        return call

    return Servable(signatures, make_call, NumpyError)


def make_half_plus(plus):
    return numpy_servable(
        {"serving_default": ({"x": "float"}, {"y": "float"}, lambda x: {"y": x / 2 + np.float32(plus)})}
    )


class Loopback:
    """A container in this process: what nginx and the Python service do, over numpy models."""

    def __init__(self, models, *, code=None, container="2.19", default="half_plus_three", endpoint_name=None):
        self.api = RestApi(models)
        self.posted = []
        version = ContainerVersion(container)
        self.container = Container(
            serving_url="http://127.0.0.1:8501",
            session=self,
            default_model=default,
            has_python_service=code is not None,
            handlers=None if code is None else load_handlers(code, self, container=version, timeout_s=60.0),
            version=version,
            endpoint_name=endpoint_name,
            timeout_s=60.0,
        )

    def request(self, method, path, body=b"", **headers):
        data = body if isinstance(body, bytes) else body.encode()
        named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        return self.container.answer(Request(method=method, path=path, headers=named, body=data))

    def invoke(self, body, content_type="application/json", path="/invocations", **headers):
        if content_type is not None:
            headers["content_type"] = content_type
        return self.request("POST", path, body, **headers)

    # What Container and the handlers use of requests.Session:

    def post(self, url, data=b"", timeout=None):
        self.posted.append((url, data, timeout))
        return self._reply("POST", url, data)

    def get(self, url, timeout=None):
        return self._reply("GET", url, b"")

    def _reply(self, method, url, data):
        body = data if isinstance(data, bytes) else data.encode()
        response = self.api.answer(Request(method=method, path=urlsplit(url).path, headers={}, body=body))
        return SimpleNamespace(
            status_code=response.status, content=response.body, text=response.body.decode("utf-8", "replace")
        )


@pytest.fixture
def half_plus():
    """Make the model y = x / 2 + plus."""
    return make_half_plus


@pytest.fixture
def loopback():
    """Put a container together: see :class:`Loopback`."""
    return Loopback


@pytest.fixture
def half_plus_three():
    return Loopback({"half_plus_three": {123: make_half_plus(3), 124: make_half_plus(3)}})


@pytest.fixture
def code_dir(tmp_path):
    """Write an ``inference.py`` and leave ``sys.path`` and the import system as they were."""
    before = list(sys.path), list(sys.meta_path)
    code = tmp_path / "model" / "code"
    code.mkdir(parents=True)

    def write(source, name="inference.py"):
        path = code / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        return code

    yield write
    sys.path[:], sys.meta_path[:] = before
    for name in [
        name for name, module in sys.modules.items() if str(getattr(module, "__file__", "")).startswith(str(tmp_path))
    ]:
        del sys.modules[name]
    sys.modules.pop("inference", None)


@pytest.fixture(scope="session")
def saved_models(tmp_path_factory):
    """Real SavedModels, made by TensorFlow in a process of its own: ``half_plus_three``, ``two_inputs``, ``police``."""
    home = tmp_path_factory.mktemp("saved_models")
    subprocess.run([sys.executable, str(MODELS_SCRIPT), str(home)], check=True, capture_output=True, timeout=600)
    return home


@pytest.fixture(scope="session")
def police_archive(saved_models):
    """``model.tar.gz`` as the export makes it: version 1 at the root, and the project's own ``code/inference.py``."""
    return load_models_module().pack(
        saved_models / "police",
        saved_models / "model.tar.gz",
        extra=[("code/inference.py", INFERENCE_CODE.read_bytes())],
    )
