"""Real boto3 against a fake ECS and moto's S3 and SQS, all on loopback."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_ecs import FakeEcs, serve

from elasticache_police.ecs_anywhere import Cluster, draining


@pytest.fixture
def fake() -> FakeEcs:
    return FakeEcs()


@pytest.fixture
def fake_url(fake, monkeypatch):
    with serve(fake) as url:
        for service in ("ECS", "SSM", "CLOUDWATCH_LOGS", "IAM"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", url)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        yield url


@pytest.fixture(scope="session")
def moto_server():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def moto_url(moto_server, monkeypatch):
    import urllib.request

    urllib.request.urlopen(  # noqa: S310  loopback
        urllib.request.Request(f"{moto_server}/moto-api/reset", method="POST")  # noqa: S310
    ).close()
    for service in ("S3", "SQS", "STS"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", moto_server)
    monkeypatch.setattr(draining, "SETTLES_S", 0.0)  # its SQS counts exactly, and at once
    return moto_server


@pytest.fixture(scope="session")
def boto_session():
    """One session for all: reading botocore's service models again and again is most of a small test's time."""
    import boto3

    return boto3.session.Session(region_name="us-east-1")


@pytest.fixture
def cluster(fake, fake_url, boto_session) -> Cluster:
    """A cluster named police whose waits take no time: sleeping is a tick of the fake."""
    return Cluster("police", session=boto_session, clock=fake.clock, sleep=fake.tick)


@pytest.fixture
def joined(fake, cluster):
    """The same with one machine of 4 cores and 8 GiB."""
    from elasticache_police import ecs_anywhere

    activation = ecs_anywhere.create_activation(cluster, create_missing=True)
    fake.joins(activation.activation_id, activation.code)
    return cluster


@pytest.fixture
def no_sleep(monkeypatch, fake):
    """The command line takes real time; here its every pause is a tick of the fake."""
    real = Cluster.__init__

    def quick(self, *args, **options):
        real(self, *args, **{**options, "clock": fake.clock, "sleep": fake.tick})

    monkeypatch.setattr(Cluster, "__init__", quick)
