"""What every test gets: fake AWS credentials, and a network that ends at this machine."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import socket
from pathlib import Path

import hypothesis
import pytest

# oneDNN in TensorFlow 2.20 damages the heap now and then on some processors, and the whole run ends with it: see
# elasticache_police.serving.processes. Set before anything imports TensorFlow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

# Timings are never tests: a slow machine must not fail one.
hypothesis.settings.register_profile("house", deadline=None, print_blob=True)
hypothesis.settings.load_profile("house")

_AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests of an extra that is not installed."""
    if importlib.util.find_spec("tensorflow") is None:
        for item in items:
            if item.get_closest_marker("train"):
                item.add_marker(pytest.mark.skip(reason="needs the train extra"))


@pytest.fixture(scope="session", autouse=True)
def fake_aws_credentials():
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in _AWS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session", autouse=True)
def loopback_only():
    """Refuse every connection that would leave this machine."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(family, address):
        if family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(str(address[0])):
            raise ConnectionRefusedError(f"a test tried to reach {address}: tests stay on this machine")

    def checked_connect(self, address):
        check(self.family, address)
        return connect(self, address)

    def checked_connect_ex(self, address):
        check(self.family, address)
        return connect_ex(self, address)

    def checked_getaddrinfo(host, *args, **kwargs):
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and not _is_loopback(name):
            raise socket.gaierror(socket.EAI_NONAME, f"a test asked for {name}: tests stay on this machine")
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", checked_connect)
        patch.setattr(socket.socket, "connect_ex", checked_connect_ex)
        patch.setattr(socket, "getaddrinfo", checked_getaddrinfo)
        yield


def _is_loopback(host: str) -> bool:
    if host in {"", "localhost", "0.0.0.0", "::"} or host.endswith(".localhost"):  # noqa: S104  to bind to
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return Path(__file__).resolve().parent.parent
