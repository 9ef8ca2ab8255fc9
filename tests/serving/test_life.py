"""An endpoint's processes: how they start, finish their work, come back when they die, and never stay behind.

The processes are the real ones. So that no TensorFlow is needed, the archive's SavedModels are not looked for: the
process that would load them serves none, and ``code/inference.py`` answers by itself.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from elasticache_police.errors import ConfigurationError, MissingExtraError, ModelFileError, ServingError
from elasticache_police.serving import EndpointOptions, LocalEndpoint, endpoint
from elasticache_police.serving.layout import ModelLayout

STEPS = """
import os, pathlib, time
HERE = pathlib.Path(__file__).parent

def handler(data, context):
    what = data.read().decode()
    if what == "slow":
        (HERE / "started").touch()
        time.sleep(1.5)
    if what == "die":
        os._exit(7)
    return f"{what} {os.getpid()}", "text/plain"
"""
COMMAND = """
import signal
from elasticache_police.cli import main
from elasticache_police.serving import endpoint
from elasticache_police.serving.layout import ModelLayout
endpoint.find_models = lambda root, default, shown: ModelLayout(models=(), default="none", code=root / "code")
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup the tests ignore it, and so would this
main()
"""


@pytest.fixture
def model(tmp_path):
    directory = tmp_path / "model"
    (directory / "code").mkdir(parents=True)
    (directory / "code" / "inference.py").write_text(STEPS)
    return directory


@pytest.fixture
def no_models(monkeypatch):
    monkeypatch.setattr(
        endpoint, "find_models", lambda root, default, shown: ModelLayout(models=(), default="none", code=root / "code")
    )


@contextlib.contextmanager
def command(model, *options, **environment):
    """Run ``serve`` until the block ends; yields its process and address."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "serve", str(model), "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | environment,
    )
    try:
        yield process, process.stdout.readline().split()[-1]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


def packed(model, tmp_path):
    archive = tmp_path / "model.tar.gz"
    subprocess.run(["tar", "czf", str(archive), "-C", str(model), "code"], check=True)  # noqa: S607  any tar will do
    return archive


def ask(url, what):
    return requests.post(f"{url}/invocations", data=what, timeout=120).text


def children_of(pid):
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}


def alive(pid):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def wait_until(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_finishes_the_request_under_way_and_leaves_nothing(model, tmp_path, number):
    with command(model, "--workers", "2", TMPDIR=str(tmp_path)) as (process, url):
        children = children_of(process.pid)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = pool.submit(ask, url, "slow")
            wait_until((model / "code" / "started").exists)
            process.send_signal(number)
            assert answer.result().startswith("slow ")
        assert process.wait(120) == 0
        assert len(children) == 4
        wait_until(lambda: not any(alive(pid) for pid in children))
        with pytest.raises(requests.ConnectionError):
            ask(url, "late")


def test_when_the_endpoint_is_killed_outright_its_processes_and_what_was_unpacked_go_too(model, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with command(packed(model, tmp_path), TMPDIR=str(scratch)) as (process, url):
        assert ask(url, "first").startswith("first ")
        assert list(scratch.iterdir())
        children = children_of(process.pid)
        process.kill()
        process.wait()
        wait_until(lambda: not any(alive(pid) for pid in children))
        assert list(scratch.iterdir()) == []


def test_workers_share_the_work(model, no_models):
    with LocalEndpoint(EndpointOptions(model=model, port=0, workers=2)) as served:

        def seen():
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                return {answer.split()[1] for answer in pool.map(lambda _: ask(served.url, "x"), range(24))}

        answered = set()
        wait_until(lambda: len(answered.update(seen()) or answered) == 2)


def test_a_process_that_dies_is_started_again(model, no_models):
    with LocalEndpoint(EndpointOptions(model=model, port=0)) as served:
        before = ask(served.url, "first")
        with pytest.raises(requests.ConnectionError):
            ask(served.url, "die")
        after = ask(served.url, "second")

    assert (before.split()[0], after.split()[0]) == ("first", "second")
    assert before.split()[1] != after.split()[1]


def test_an_endpoint_whose_processes_keep_dying_gives_up_and_says_so(model, no_models):
    served = LocalEndpoint(EndpointOptions(model=model, port=0))
    served.start()
    with contextlib.suppress(requests.ConnectionError):
        for _ in range(20):
            with contextlib.suppress(requests.exceptions.ChunkedEncodingError, requests.ReadTimeout):
                requests.post(f"{served.url}/invocations", data="die", timeout=120)
            wait_until(lambda: served._ended.is_set() or served._fronts[0].exit_code is None)
            if served._ended.is_set():
                break

    while not served._ended.is_set():
        with contextlib.suppress(requests.RequestException):
            requests.post(f"{served.url}/invocations", data="die", timeout=5)
    with pytest.raises(ServingError, match=r"front process .* exit code 7, after 3 restarts within a minute"):
        served.wait()


def test_what_was_unpacked_is_removed(model, no_models, tmp_path, monkeypatch):
    archive = packed(model, tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))

    with LocalEndpoint(EndpointOptions(model=archive, port=0)) as served:
        unpacked = [str(path.relative_to(scratch)).partition("/")[2] for path in scratch.rglob("*.py")]
        assert ask(served.url, "x").startswith("x ")

    assert (unpacked, list(scratch.iterdir())) == (["code/inference.py"], [])


def test_code_that_cannot_be_imported_stops_the_start_and_leaves_nothing(model, no_models, capfd):
    (model / "code" / "inference.py").write_text("import no_such_module")
    served = LocalEndpoint(EndpointOptions(model=model, port=0))

    with pytest.raises(ServingError, match=r"inference.py cannot be imported: ModuleNotFoundError: .*no_such_module"):
        served.start()

    assert (served._models, served._fronts, served._private, served._public) == ([], [], [], None)
    assert "Fatal Python error" not in capfd.readouterr().err, "a process that cannot start ends in good order"


def test_a_start_that_takes_too_long_is_given_up(model, no_models):
    (model / "code" / "inference.py").write_text("import time; time.sleep(600)")

    with pytest.raises(ServingError, match="process was not ready in time"):
        LocalEndpoint(EndpointOptions(model=model, port=0, startup_timeout_s=15.0, shutdown_timeout_s=0.1)).start()


def test_a_port_that_is_taken_is_said_so_before_anything_is_loaded(model):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1 port {port}: Address already"):
            LocalEndpoint(EndpointOptions(model=model, port=port)).start()


def test_a_port_that_another_takes_while_the_model_loads_is_said_so_too(model, no_models, monkeypatch, capfd):
    """Several may bind a port; only one may listen on it."""
    real, others = endpoint._bind, []

    def bind(host, port):
        mine = real(host, port)
        if not others:
            others.append(real(host, mine.getsockname()[1]))
            others[0].listen()
        return mine

    monkeypatch.setattr(endpoint, "_bind", bind)
    with pytest.raises(ServingError, match=r"cannot listen on 127.0.0.1 port \d+: Address already"):
        LocalEndpoint(EndpointOptions(model=model, port=0)).start()
    others[0].close()
    assert "Fatal Python error" not in capfd.readouterr().err


def test_a_client_that_goes_away_in_the_middle_is_not_answered_and_others_are(model, no_models):
    with LocalEndpoint(EndpointOptions(model=model, port=0, threads=1)) as running:
        host, port = running.url.removeprefix("http://").split(":")
        half = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/x\r\nContent-Length: 100\r\n\r\nslow"
        slow = [socket.create_connection((host, int(port))) for _ in range(20)]
        for connection in slow:
            connection.sendall(half)  # more of them than there are threads, and never the rest
        answers = [requests.post(f"{running.url}/invocations", data="quick", timeout=30) for _ in range(3)]
        for connection in slow:
            connection.close()
        last = requests.post(f"{running.url}/invocations", data="quick", timeout=30)

    assert [answer.text.split()[0] for answer in (*answers, last)] == ["quick"] * 4
    assert not (model / "code" / "started").exists(), "half a request must not reach the model"


def test_a_missing_model_is_said_to_be_missing(tmp_path):
    with pytest.raises(ModelFileError, match="there is no such file or directory"):
        LocalEndpoint(EndpointOptions(model=tmp_path / "model.tar.gz", port=0)).start()


def test_an_archive_without_a_model_is_refused(model):
    with pytest.raises(ModelFileError, match="no SavedModel bundles found"):
        LocalEndpoint(EndpointOptions(model=model, port=0)).start()


def test_a_missing_package_is_named_by_its_extra(model, monkeypatch):
    monkeypatch.setattr(endpoint, "_NEEDED", ("no_such_package",))

    with pytest.raises(MissingExtraError, match=r'pip install "elasticache-police\[serve\]"'):
        LocalEndpoint(EndpointOptions(model=model)).start()


def test_it_has_no_address_before_it_is_started():
    with pytest.raises(ServingError, match="has not been started"):
        _ = LocalEndpoint(EndpointOptions(model="model.tar.gz")).url


def test_stopping_twice_is_stopping_once(model, no_models):
    served = LocalEndpoint(EndpointOptions(model=model, port=0))
    served.start()
    served.stop()
    served.stop()

    served.wait()
