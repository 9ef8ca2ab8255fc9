"""The story's region, its specification, and this folder's helper modules within reach."""

from __future__ import annotations

import functools
import http.client
import os
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_sagemaker import FakeSageMaker
from story import ACCOUNT, ROLE, STORY_KEY

from elasticache_police.sagemaker_deploy import EndpointSpec, ModelSpec, Pace


@pytest.fixture(scope="session", autouse=True)
def _service_models_are_read_once():
    """A new session parses megabytes of service models again; in tests the parsed files are shared."""
    import botocore.loaders

    with pytest.MonkeyPatch.context() as patch:
        load = functools.lru_cache(maxsize=None)(lambda path: _load(botocore.loaders.JSONFileLoader(), path))
        _load = botocore.loaders.JSONFileLoader.load_file
        patch.setattr(botocore.loaders.JSONFileLoader, "load_file", lambda self, path: load(path))
        yield


@pytest.fixture(autouse=True)
def _story_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)


@pytest.fixture
def model() -> ModelSpec:
    return ModelSpec(model_data_url=f"s3://sagemaker-ap-northeast-1-{ACCOUNT}/{STORY_KEY}", role_arn=ROLE)


@pytest.fixture
def spec(model: ModelSpec) -> EndpointSpec:
    return EndpointSpec(model=model, region="ap-northeast-1")


@pytest.fixture
def archived(moto: str, spec: EndpointSpec) -> EndpointSpec:
    """The specification, its archive in moto's S3."""
    import boto3

    bucket, _, key = spec.model.model_data_url.removeprefix("s3://").partition("/")
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    s3.put_object(Bucket=bucket, Key=key, Body=b"a model")
    return spec


class FakeTime:
    """A clock that only a sleep moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.interrupt_at: int | None = None
        self.interrupt_by: signal.Signals | None = None

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        if self.interrupt_at is not None and len(self.slept) >= self.interrupt_at:
            self.interrupt_at = None
            if self.interrupt_by is None:
                raise KeyboardInterrupt
            signal.raise_signal(self.interrupt_by)


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def pace(time: FakeTime) -> Pace:
    return Pace(poll_s=30.0, clock=time.clock, sleep=time.sleep)


@pytest.fixture(scope="session")
def moto_url():
    """Moto's server, for everything but SageMaker's slow and failing sides."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def moto(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh account behind every AWS endpoint."""
    reset = http.client.HTTPConnection(moto_url.removeprefix("http://"))
    reset.request("POST", "/moto-api/reset")
    reset.getresponse().read()
    reset.close()
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return moto_url


def _scaled_variants(endpoint_name: str) -> set[str]:
    """The variants that Application Auto Scaling knows as targets."""
    import boto3

    client = boto3.Session().client("application-autoscaling")
    targets = client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    places = [target["ResourceId"].split("/") for target in targets]
    return {variant for _, name, _, variant in places if name == endpoint_name}


@pytest.fixture
def fake(moto: str, monkeypatch: pytest.MonkeyPatch):
    """A SageMaker that behaves as AWS does; moto for the rest of the account."""
    service = FakeSageMaker()
    service.scaled_variants = _scaled_variants
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", service.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", service.url)
    yield service
    service.close()
