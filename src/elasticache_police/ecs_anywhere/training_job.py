"""What the training container runs: fonts in, model out, checkpoints on the way.

The same program on a laptop, on ECS Anywhere, on Fargate and as a SageMaker training job::

    docker run -v "$PWD/out:/out" IMAGE --out /out/model.tar.gz
    python -m elasticache_police.ecs_anywhere.training_job --fonts s3://b/fonts --out s3://b/model.tar.gz

It runs ``elasticache-police train`` and ``elasticache-police export`` as processes of their own. On SIGTERM, which ECS
sends when a task is stopped, the training writes a checkpoint, the checkpoint goes to S3, and the program ends with
exit code 143; the next run finds it and resumes. While it trains, a line beginning with ``health:`` appears in the log
at least once a minute.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from elasticache_police._aws import Clients
from elasticache_police.ecs_anywhere import _s3
from elasticache_police.ecs_anywhere._read import text
from elasticache_police.ecs_anywhere.packing import directory_beside, packed, unpack
from elasticache_police.errors import AccessDeniedError, AwsError, ConfigurationError, PoliceError

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["Mirror", "TrainingJob", "main", "parse", "run"]

SAGEMAKER = Path("/opt/ml")
COMMAND = (sys.executable, "-m", "elasticache_police")
TERMINATED = 128 + signal.SIGTERM


@attrs.frozen(kw_only=True)
class TrainingJob:
    """What to train and where things lie; a place is ``s3://...`` or a path."""

    name: str = "ElastiCache"
    fonts: tuple[str, ...] = ()
    """Places of font files."""
    out: str
    """Place of the ``model.tar.gz``, or a directory to unpack the model into."""
    checkpoints: str | None = None
    """Place under which the run directory is kept between runs."""
    start_from: str | None = None
    """Place with ``finder.npz`` and ``reader.npz``, trained weights to go on from."""
    train_arguments: tuple[str, ...] = ()
    work: Path
    """The directory to work in."""
    health_s: float = 60.0
    """Seconds between two health lines, and between two looks for new checkpoints."""
    grace_s: float = 100.0
    """Seconds the training has to write its checkpoint after SIGTERM."""


class Mirror:
    """Keeps a directory's files at another place: S3 or another directory."""

    def __init__(self, folder: Path, place: str | None, clients: Clients) -> None:
        """Remember both sides; nothing is copied yet."""
        self._folder = folder
        self._place = place
        self._clients = clients
        self._known: dict[Path, tuple[int, int]] = {}

    def pull(self) -> int:
        """Fetch what an earlier run left, and return how many files that were."""
        if self._place is None:
            return 0
        if self._place.startswith("s3://"):
            count = _s3.download_prefix(self._clients, _s3.parse(self._place), self._folder)
        else:
            there = Path(self._place)
            if there.is_dir():
                shutil.copytree(there, self._folder, dirs_exist_ok=True)
            count = len(self._files())
        self._known = self._files()
        return count

    def push(self) -> int:
        """Send files that are new or changed, and return how many. Half-written ones (``.partial``) wait."""
        if self._place is None:
            return 0
        now = self._files()
        changed = [path for path, stamp in now.items() if self._known.get(path) != stamp]
        for path in changed:
            name = path.relative_to(self._folder).as_posix()
            if self._place.startswith("s3://"):
                _s3.upload(self._clients, path, _s3.parse(self._place) / name)
            else:
                target = Path(self._place) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)
            self._known[path] = now[path]
        return len(changed)

    def clear(self) -> None:
        """Delete what is kept: the training is done, and another one must not resume from it."""
        if self._place is None:
            return
        if self._place.startswith("s3://"):
            place = _s3.parse(self._place)
            for one in _s3.listing(self._clients, _s3.Place(place.bucket, place.key.rstrip("/") + "/")):
                _s3.delete(self._clients, _s3.Place(place.bucket, text(one, "Key")))
        else:
            shutil.rmtree(self._place, ignore_errors=True)

    def _files(self) -> dict[Path, tuple[int, int]]:
        found = {}
        for path in sorted(self._folder.rglob("*")):
            if path.is_file() and path.suffix != ".partial":
                with contextlib.suppress(FileNotFoundError):  # the training has just removed it
                    stat = path.stat()
                    found[path] = (stat.st_mtime_ns, stat.st_size)
        return found


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  the container's log


def _memory_mib(pid: int) -> int:
    """Return a process's resident memory, 0 where the system does not tell."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) // 1024
    except (OSError, ValueError):
        pass
    return 0


def run(job: TrainingJob, *, clients: Clients | None = None, stop: threading.Event | None = None) -> int:
    """Train, export, deliver.

    Args:
        job: What to do.
        clients: Where S3 is; boto3's default chain otherwise.
        stop: Set from outside (by SIGTERM's handler) to end with a checkpoint.

    Returns:
        The exit code: 0 done, 143 stopped with a checkpoint, else that of the command that failed.

    Raises:
        PoliceError: Fonts could not be read, or the model could not be written.
    """
    clients = clients or Clients()
    stop = stop or threading.Event()
    _check_writable(job.out, clients)
    run_folder = job.work / "run"
    run_folder.mkdir(parents=True, exist_ok=True)
    mirror = Mirror(run_folder, job.checkpoints, clients)
    resumed = mirror.pull()
    _say(f"train: {'resuming from ' + str(job.checkpoints) if resumed else 'from the beginning'}")
    arguments = ["train", "--name", job.name, "--out", str(run_folder)]
    for number, place in enumerate(job.fonts):
        arguments += ["--fonts", str(_fetched(place, job.work / f"fonts-{number}", clients, "fonts"))]
    if job.start_from is not None:
        arguments += ["--start-from", str(_fetched(job.start_from, job.work / "start", clients, "weights"))]
    code = _train([*COMMAND, *arguments, *job.train_arguments], job, mirror, stop)
    if code:
        return code
    exported = job.work / "exported"
    shutil.rmtree(exported, ignore_errors=True)  # of a run that was killed here
    command = [*COMMAND, "export", "--model", str(run_folder / "model"), "--out", str(exported)]
    export = subprocess.run(command, check=False)  # noqa: S603  our own command
    if export.returncode:
        _say(f"export: failed with exit code {export.returncode}; the checkpoints are kept")
        return export.returncode
    _deliver_directory(run_folder / "model", job.out, clients)
    _deliver(exported / "model.tar.gz", job.out, clients)
    try:
        mirror.clear()
    except AwsError as error:  # the model is delivered, so the training has not failed
        _say(f"checkpoints: remove those in {job.checkpoints} before another training there: {error}")
    shutil.rmtree(run_folder)  # a directory of the machine may be the next training's too
    shutil.rmtree(exported)
    _say(f"done: the model is at {job.out}")
    return 0


def _check_writable(out: str, clients: Clients) -> None:
    """Say at once, and not after hours of training, that the model cannot be delivered."""
    if not out.startswith("s3://"):
        return
    place = _s3.parse(out)
    probe = _s3.Place(place.bucket, f"{place.key}.probe")
    try:
        _s3.write(clients, probe, b"", content_type="application/octet-stream")
    except AwsError as error:
        raise ConfigurationError(
            f"the model cannot be written to {out}: {error}; what the task role needs is printed by "
            "`elasticache-police ecs policy ecs-train-task-role`"
        ) from error
    with contextlib.suppress(AccessDeniedError):  # an empty object stays; that is no reason not to train
        _s3.delete(clients, probe)


def _fetched(place: str, folder: Path, clients: Clients, what: str) -> Path:
    """Return a directory with the files of a place, downloaded to ``folder`` where it is in S3."""
    if not place.startswith("s3://"):
        return Path(place)
    shutil.rmtree(folder, ignore_errors=True)
    if not _s3.download_prefix(clients, _s3.parse(place), folder):
        raise ConfigurationError(f"there are no {what} below {place}")
    return folder


def _train(command: Sequence[str], job: TrainingJob, mirror: Mirror, stop: threading.Event) -> int:
    began = time.monotonic()
    process = subprocess.Popen(command)  # noqa: S603  our own command
    next_line = began
    try:
        while process.poll() is None and not stop.is_set():
            if time.monotonic() >= next_line:
                next_line += job.health_s
                sent = _push(mirror)
                _say(
                    f"health: training for {time.monotonic() - began:.0f} s, {_memory_mib(process.pid)} MiB, "
                    f"{sent} file(s) to {job.checkpoints or 'nowhere'}"
                )
            stop.wait(0.2)
        if process.poll() is None:
            _say("train: told to stop, writing a checkpoint")
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(job.grace_s)
            except subprocess.TimeoutExpired:
                _say(f"train: no end after {job.grace_s:.0f} s, killing it; the last checkpoint counts")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    sent = _push(mirror)
    if stop.is_set():
        _say(f"train: stopped; {sent} file(s) to {job.checkpoints or 'nowhere'}")
        return TERMINATED
    if process.returncode:
        _say(f"train: failed with exit code {process.returncode}")
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _push(mirror: Mirror) -> int:
    try:
        return mirror.push()
    except (AwsError, OSError) as error:  # the next look tries again; a training is worth more than one upload
        _say(f"checkpoint: not sent: {error}")
        return 0


def _deliver_directory(model: Path, out: str, clients: Clients) -> None:
    """Leave the model's directory, packed, beside the archive: what inspects without SageMaker."""
    if not out.endswith(".tar.gz"):
        return
    place = directory_beside(out)
    body = packed(model)
    try:
        if place.startswith("s3://"):
            _s3.write(clients, _s3.parse(place), body, content_type="application/gzip")
        else:
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            Path(place).write_bytes(body)
    except AwsError as error:  # a role may be allowed to write the archive only, and that is what was asked for
        _say(f"directory: the model for inspections is not at {place}: {error}")
        return
    _say(f"directory: the model for inspections is at {place}")


def _deliver(archive: Path, out: str, clients: Clients) -> None:
    if out.startswith("s3://"):
        _s3.upload(clients, archive, _s3.parse(out))
    elif out.endswith(".tar.gz"):
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(archive, out)
    else:  # SageMaker packs the directory itself
        with tarfile.open(archive) as packed:
            unpack(packed, out)


def parse(arguments: Sequence[str], environment: Mapping[str, str], sagemaker: Path = SAGEMAKER) -> TrainingJob:
    """Read the command line, the environment (as ECS sets it) and SageMaker's files, in that order of precedence."""
    defaults: dict[str, str] = {}
    parameters = sagemaker / "input" / "config" / "hyperparameters.json"
    if parameters.is_file():
        defaults = {str(key): str(value) for key, value in json.loads(parameters.read_text(encoding="utf-8")).items()}
        fonts = sagemaker / "input" / "data" / "fonts"
        defaults |= {"out": str(sagemaker / "model"), "checkpoints": str(sagemaker / "checkpoints")}
        if fonts.is_dir():
            defaults["fonts"] = str(fonts)
    for variable in ("name", "fonts", "out", "checkpoints", "start_from", "train_arguments", "work"):
        value = environment.get(f"POLICE_{variable.upper()}")
        if value:
            defaults[variable] = value
    parser = argparse.ArgumentParser(prog="training_job", description="Train a model and write its archive.")
    parser.add_argument("--name", default=defaults.get("name", "ElastiCache"), help="the name to police")
    parser.add_argument("--fonts", action="append", help="s3://bucket/prefix or directory of fonts; repeatable")
    parser.add_argument("--out", default=defaults.get("out"), help="s3://... or path of the model.tar.gz")
    parser.add_argument("--checkpoints", default=defaults.get("checkpoints"), help="s3://... or directory")
    parser.add_argument("--start-from", default=defaults.get("start_from"), help="s3://... or directory of weights")
    parser.add_argument("--work", default=defaults.get("work"), help="directory to work in")
    parser.add_argument("train_arguments", nargs="*", help="after --: arguments of elasticache-police train")
    words = list(arguments)
    if words and words[0] == "train":  # SageMaker starts a training container with this word
        words.pop(0)
    options = parser.parse_args(words)
    if not options.out:
        parser.error("--out (or POLICE_OUT) says where the model goes")
    fonts_given = options.fonts or ([defaults["fonts"]] if "fonts" in defaults else [])
    in_image = environment.get("POLICE_IMAGE_FONTS", "")
    if in_image and Path(in_image).is_dir():
        fonts_given = [*fonts_given, in_image]
    more = options.train_arguments or json.loads(defaults.get("train_arguments", "[]"))
    return TrainingJob(
        name=options.name,
        fonts=tuple(fonts_given),
        out=options.out,
        checkpoints=options.checkpoints,
        start_from=options.start_from,
        train_arguments=tuple(str(word) for word in more),
        work=Path(options.work or _usual_work(options.out)),
    )


def _usual_work(out: str) -> Path:
    """Return where a training for this place works: the same directory every time, so that it can be resumed."""
    return Path.home() / ".cache" / "elasticache-police" / f"training-{hashlib.sha256(out.encode()).hexdigest()[:12]}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job that command line and environment describe; return the exit code."""
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        job = parse(sys.argv[1:] if arguments is None else arguments, os.environ)
        return run(job, stop=stop)
    except PoliceError as error:
        print(f"training: {error}", file=sys.stderr, flush=True)  # noqa: T201  the container's log
        return 2


if __name__ == "__main__":
    sys.exit(main())
