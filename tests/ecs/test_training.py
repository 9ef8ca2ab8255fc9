"""Training as a task: fonts in, model out, checkpoints across restarts, and an EndpointSpec for the second half."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from fake_ecs import Script

from elasticache_police import ecs_anywhere
from elasticache_police._aws import Clients
from elasticache_police.ecs_anywhere import _s3, training_job
from elasticache_police.ecs_anywhere.training_job import TrainingJob, parse, run
from elasticache_police.errors import AwsError, ConfigurationError, NotFoundError, TaskFailedError

HERE = Path(__file__).parent
STUB = (sys.executable, str(HERE / "stub_command.py"))
ROLE = "arn:aws:iam::111122223333:role/police"
PLACES = {"fonts": "s3://models/fonts", "out": "s3://models/run/model.tar.gz", "image": "trainer:1"}


@pytest.fixture(autouse=True)
def _stub(monkeypatch):
    monkeypatch.setattr(training_job, "COMMAND", STUB)


@pytest.fixture
def s3(moto_url, boto_session):
    client = boto_session.client("s3")
    client.create_bucket(Bucket="models")
    client.put_object(Bucket="models", Key="fonts/hand/a.ttf", Body=b"font a")
    return client


def _weights(archive: bytes) -> dict:
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        return json.loads(packed.extractfile("1/saved_model.pb").read())


def _keys(s3, prefix: str) -> list[str]:
    return [one["Key"] for one in s3.list_objects_v2(Bucket="models", Prefix=prefix).get("Contents", [])]


def test_on_a_laptop_it_writes_the_archive_to_a_directory(tmp_path, capfd):
    fonts = tmp_path / "fonts"
    fonts.mkdir()
    job = TrainingJob(
        name="GitHub",
        fonts=(str(fonts),),
        out=str(tmp_path / "out" / "model.tar.gz"),
        train_arguments=("--steps", "2"),
        work=tmp_path / "work",
    )

    assert run(job) == 0

    weights = _weights((tmp_path / "out" / "model.tar.gz").read_bytes())
    run_folder = str(tmp_path / "work" / "run")
    assert weights["words"] == ["--name", "GitHub", "--out", run_folder, "--fonts", str(fonts), "--steps", "2"]
    said = capfd.readouterr().out
    assert "train: from the beginning" in said
    assert "health: training for 0 s" in said
    assert f"done: the model is at {job.out}" in said
    assert (tmp_path / "out" / "model.directory.tar.gz").is_file()


def test_fonts_come_from_s3_and_the_model_goes_there(s3, tmp_path):
    job = TrainingJob(fonts=(PLACES["fonts"],), out=PLACES["out"], checkpoints="s3://models/run/keep", work=tmp_path)

    assert run(job) == 0

    assert (tmp_path / "fonts-0" / "hand" / "a.ttf").read_bytes() == b"font a"
    body = s3.get_object(Bucket="models", Key="run/model.tar.gz")["Body"].read()
    assert _weights(body)["words"][-2:] == ["--fonts", str(tmp_path / "fonts-0")]
    directory = s3.get_object(Bucket="models", Key="run/model.directory.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(directory)) as packed:
        assert packed.getnames() == ["weights"]  # of run/model, which inspects without SageMaker
    assert _keys(s3, "run/keep/") == []  # a later training must not resume from a finished one
    assert not (tmp_path / "run").exists()


def test_a_role_that_may_write_only_the_archive_still_trains(s3, tmp_path, monkeypatch, capfd):
    real = training_job._s3.write

    def refuse(clients, place, *arguments, **options):
        if "directory" in place.key:
            raise AwsError("denied", operation="PutObject")
        real(clients, place, *arguments, **options)

    monkeypatch.setattr(training_job._s3, "write", refuse)
    assert run(TrainingJob(out=PLACES["out"], work=tmp_path)) == 0
    assert _weights(s3.get_object(Bucket="models", Key="run/model.tar.gz")["Body"].read())
    said = capfd.readouterr().out
    assert "directory: the model for inspections is not at s3://models/run/model.directory.tar.gz: PutObject" in said


def test_trained_weights_come_from_s3_too(s3, tmp_path):
    s3.put_object(Bucket="models", Key="weights/v1/finder.npz", Body=b"weights")
    job = TrainingJob(out=PLACES["out"], start_from="s3://models/weights/v1", work=tmp_path)

    assert run(job) == 0

    assert (tmp_path / "start" / "finder.npz").read_bytes() == b"weights"
    body = s3.get_object(Bucket="models", Key="run/model.tar.gz")["Body"].read()
    assert _weights(body)["words"][-2:] == ["--start-from", str(tmp_path / "start")]


def test_a_delivered_model_is_a_success_even_if_checkpoints_cannot_be_removed(s3, tmp_path, monkeypatch, capfd):
    def refused(mirror):
        raise AwsError("denied", operation="DeleteObjects")

    monkeypatch.setattr(training_job.Mirror, "clear", refused)
    job = TrainingJob(out=PLACES["out"], checkpoints="s3://models/run/keep", work=tmp_path)

    assert run(job) == 0

    assert _weights(s3.get_object(Bucket="models", Key="run/model.tar.gz")["Body"].read())
    said = capfd.readouterr().out
    assert "remove those in s3://models/run/keep before another training there: " in said
    assert "denied" in said


def test_a_training_works_in_the_same_place_every_time_so_that_it_can_be_resumed(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    first, again, other = (parse(["--out", f"s3://b/{name}.tar.gz"], {}).work for name in ("m", "m", "n"))
    assert first == again
    assert first != other
    assert first.is_relative_to(tmp_path)


def _stop_when_training(work: Path, stop: threading.Event) -> None:
    while not (work / "run" / "half.partial").exists():
        time.sleep(0.05)
    stop.set()


def test_a_stopped_training_leaves_a_checkpoint_in_s3_and_the_next_one_resumes(s3, tmp_path, capfd):
    def job(work: str, steps: str) -> TrainingJob:
        return TrainingJob(
            out=PLACES["out"],
            checkpoints="s3://models/run/keep",
            train_arguments=("--steps", steps),
            work=tmp_path / work,
        )

    stop = threading.Event()
    threading.Thread(target=_stop_when_training, args=(tmp_path / "first", stop), daemon=True).start()
    assert run(job("first", "100000"), stop=stop) == 143
    assert _keys(s3, "run/") == ["run/keep/checkpoint.json"]  # and nothing half-written

    assert run(job("second", "1")) == 0

    assert "resuming from s3://models/run/keep" in capfd.readouterr().out
    assert _weights(s3.get_object(Bucket="models", Key="run/model.tar.gz")["Body"].read())["first"] > 0


def test_a_checkpoint_that_s3_refuses_does_not_end_the_training(s3, tmp_path, capfd):
    """A bucket that is gone for an hour costs the checkpoints of that hour, not the training."""
    job = TrainingJob(
        out=str(tmp_path / "model.tar.gz"),
        checkpoints="s3://models/run/keep",
        train_arguments=("--steps", "1"),
        work=tmp_path,
    )
    clients = Clients()

    def refuse(params, **_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "PutObject")

    clients["s3"].meta.events.register("before-call.s3.PutObject", refuse)

    assert run(job, clients=clients) == 0

    assert (tmp_path / "model.tar.gz").is_file()
    assert "checkpoint: not sent: PutObject: Access Denied [code AccessDenied]" in capfd.readouterr().out


def test_a_checkpoint_that_is_replaced_while_it_is_sent_arrives_whole(s3, tmp_path):
    """Large files go in parts; all of them come from the file as it was when sending began."""
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(b"old" * 6_000_000)
    clients = Clients()

    def replace(**_):
        (tmp_path / "new").write_bytes(b"NEW" * 6_000_000)
        (tmp_path / "new").replace(path)

    clients["s3"].meta.events.register("before-call.s3.CreateMultipartUpload", replace)
    _s3.upload(clients, path, _s3.parse("s3://models/checkpoint.npz"))
    assert set(s3.get_object(Bucket="models", Key="checkpoint.npz")["Body"].read()) == set(b"old")
    assert path.read_bytes()[:3] == b"NEW"


def test_an_upload_that_is_refused_is_typed(s3, tmp_path):
    """boto3 hides S3's answer in an exception of its own; what callers get says who refused what."""
    (tmp_path / "model.tar.gz").write_bytes(b"model")
    with pytest.raises(NotFoundError, match=r"PutObject: .*bucket does not exist.*NoSuchBucket"):
        _s3.upload(Clients(), tmp_path / "model.tar.gz", _s3.parse("s3://no-such-bucket/model.tar.gz"))


def test_sigterm_ends_the_program_as_ecs_sends_it(tmp_path):
    program = (
        "import sys; from elasticache_police.ecs_anywhere import training_job as t; "
        f"t.COMMAND = {STUB!r}; sys.exit(t.main(sys.argv[1:]))"
    )
    keep = tmp_path / "keep"
    command = [
        *(sys.executable, "-c", program, "--out", str(tmp_path / "model.tar.gz"), "--checkpoints", str(keep)),
        *("--work", str(tmp_path / "work"), "--", "--steps", "100000"),
    ]
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("training from step"):
                process.send_signal(signal.SIGTERM)
                break
        rest = process.stdout.read()
    assert process.returncode == 143
    assert "told to stop, writing a checkpoint" in rest
    assert json.loads((keep / "checkpoint.json").read_text())["step"] >= 1


def test_a_failed_training_keeps_its_exit_code_and_delivers_nothing(tmp_path, capfd):
    job = TrainingJob(out=str(tmp_path / "model.tar.gz"), train_arguments=("--fail",), work=tmp_path / "work")
    assert run(job) == 7
    assert not (tmp_path / "model.tar.gz").exists()
    assert "train: failed with exit code 7" in capfd.readouterr().out


def test_an_empty_font_prefix_is_refused(s3, tmp_path):
    job = TrainingJob(fonts=("s3://models/none",), out=PLACES["out"], work=tmp_path)
    with pytest.raises(ConfigurationError, match="no fonts below s3://models/none"):
        run(job, clients=Clients())


def test_command_line_wins_over_environment_and_environment_over_sagemaker(tmp_path):
    config = tmp_path / "input" / "config"
    config.mkdir(parents=True)
    (config / "hyperparameters.json").write_text(
        '{"name": "FromSageMaker", "train_arguments": "[\\"--steps\\", \\"1\\"]"}'
    )
    (tmp_path / "input" / "data" / "fonts").mkdir(parents=True)

    sagemaker = parse(["train"], {}, tmp_path)
    assert (sagemaker.name, sagemaker.out) == ("FromSageMaker", str(tmp_path / "model"))
    assert sagemaker.fonts == (str(tmp_path / "input" / "data" / "fonts"),)
    assert sagemaker.checkpoints == str(tmp_path / "checkpoints")
    assert sagemaker.train_arguments == ("--steps", "1")
    environment = {"POLICE_NAME": "FromEcs", "POLICE_OUT": "s3://b/m.tar.gz", "POLICE_IMAGE_FONTS": str(tmp_path)}
    assert parse([], environment, tmp_path).name == "FromEcs"
    line = parse(["--name", "Typed", "--", "--steps", "9"], environment, tmp_path)
    assert (line.name, line.out, line.train_arguments) == ("Typed", "s3://b/m.tar.gz", ("--steps", "9"))
    assert line.fonts[-1] == str(tmp_path)


def test_sagemaker_gets_the_model_unpacked(tmp_path):
    job = TrainingJob(out=str(tmp_path / "model"), work=tmp_path / "work")
    assert run(job) == 0
    assert (tmp_path / "model" / "1" / "saved_model.pb").is_file()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"fonts": "/usr/share/fonts"}, "the fonts' place is written as s3://"),
        ({"out": "s3://models/model.zip"}, "ends with .tar.gz"),
        ({"task_role_arn": None}, "needs task_role_arn"),
        ({"execution_role_arn": None}, "needs execution_role_arn"),
    ],
)
def test_a_training_that_cannot_work_is_refused_beforehand(wrong, reason):
    given = {**PLACES, "task_role_arn": ROLE, "execution_role_arn": ROLE, **wrong}
    with pytest.raises(ConfigurationError, match=reason):
        ecs_anywhere.training_spec(**given)


def test_the_plan_of_a_training_names_every_call(cluster):
    spec = ecs_anywhere.training_spec(**PLACES, task_role_arn=ROLE, execution_role_arn=ROLE)
    plan = ecs_anywhere.plan_training(cluster, spec)
    assert [one.operation for one in plan] == [
        "CreateLogGroup",
        "PutRetentionPolicy",
        "RegisterTaskDefinition",
        "RunTask",
    ]


def test_train_on_returns_what_deploy_takes(s3, fake, joined, tmp_path):
    """Activation, machine, task, the container's entry point, archive in S3: the first half in one call."""
    works = iter(("one", "two"))

    def container(environment, command):
        job = parse(command, {**environment, "POLICE_WORK": str(tmp_path / next(works))}, tmp_path)
        return run(job, clients=Clients())

    fake.script("elasticache-police-train", Script(execute=container, log=["health: training"]))
    lines = []

    spec = ecs_anywhere.train_on(
        joined,
        **PLACES,
        endpoint_role_arn=ROLE,
        task_role_arn=ROLE,
        execution_role_arn=ROLE,
        train_arguments=("--steps", "1"),
        on_log=lambda line: lines.append(line.message),
    )

    from elasticache_police.sagemaker_deploy.spec import EndpointSpec

    assert isinstance(spec, EndpointSpec)
    assert (spec.model.model_data_url, spec.model.role_arn) == (PLACES["out"], ROLE)
    assert _weights(s3.get_object(Bucket="models", Key="run/model.tar.gz")["Body"].read())["words"][-2:] == [
        "--steps",
        "1",
    ]
    assert lines == ["health: training"]


@pytest.mark.parametrize("limit", [{"timeout_s": float("nan")}, {"placement_timeout_s": -1.0}])
def test_a_time_limit_that_is_none_is_refused_before_a_training_starts(s3, fake, joined, limit):
    """The task was started, and went on alone."""
    spec = ecs_anywhere.training_spec(**PLACES, task_role_arn=ROLE, log_group=None)
    with pytest.raises(ConfigurationError, match="a wait needs a finite limit"):
        ecs_anywhere.train(joined, spec, **limit)
    assert not fake.tasks


def test_a_training_that_leaves_nothing_is_a_failure(s3, fake, joined):
    fake.script("elasticache-police-train", Script())
    spec = ecs_anywhere.training_spec(**PLACES, task_role_arn=ROLE, execution_role_arn=ROLE)
    with pytest.raises(TaskFailedError, match=r"ended well and left nothing at s3://models/run/model.tar.gz"):
        ecs_anywhere.train(joined, spec)


def test_a_finished_training_does_not_fail_because_its_caller_may_not_look(s3, fake, joined):
    """S3 answers 403 to who may not list, of a key that is there and of one that is not."""
    fake.script("elasticache-police-train", Script())
    spec = ecs_anywhere.training_spec(**PLACES, task_role_arn=ROLE, execution_role_arn=ROLE)

    def refuse(**_):
        raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject")

    joined.clients["s3"].meta.events.register("before-call.s3.HeadObject", refuse)
    assert ecs_anywhere.train(joined, spec).model_data_url == PLACES["out"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"fonts": "s3://models/no-fonts"}, "there are no fonts below s3://models/no-fonts"),
        ({"fonts": "s3://models/font"}, "there are no fonts below s3://models/font"),
        ({"fonts": "s3://no-such-bucket/fonts"}, "there is no bucket no-such-bucket for the fonts"),
        ({"start_from": "s3://models/none"}, "there are no weights to start from below s3://models/none"),
        ({"out": "s3://no-such-bucket/model.tar.gz"}, "there is no bucket no-such-bucket for the model"),
    ],
)
def test_a_training_that_would_find_nothing_is_refused_before_a_task_starts(s3, fake, joined, wrong, reason):
    spec = ecs_anywhere.training_spec(**{**PLACES, **wrong}, task_role_arn=ROLE, execution_role_arn=ROLE)
    with pytest.raises(ConfigurationError, match=reason):
        ecs_anywhere.train(joined, spec)
    assert fake.tasks == {}


def test_a_place_that_cannot_be_written_is_known_before_the_training(s3, tmp_path):
    clients = Clients()

    def refuse(params, **_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "PutObject")

    clients["s3"].meta.events.register("before-call.s3.PutObject", refuse)
    job = TrainingJob(out=PLACES["out"], work=tmp_path / "work")
    with pytest.raises(ConfigurationError, match=r"cannot be written to .*Access Denied.*ecs-train-task-role"):
        run(job, clients=clients)
    assert not (tmp_path / "work").exists()


def test_a_bad_endpoint_name_is_refused_before_anything_runs(fake, joined):
    calls = len(fake.calls)
    with pytest.raises(ConfigurationError):
        ecs_anywhere.train_on(joined, **PLACES, endpoint_role_arn=ROLE, endpoint_name="no spaces please")
    assert len(fake.calls) == calls
