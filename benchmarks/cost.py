"""What a system costs before it says anything: start to first finding, peak memory, installed size."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attrs

from benchmarks.systems import ONE_THREAD
from benchmarks.words import NAME

__all__ = ["Footprint", "Start", "installed", "start", "worker_environment"]

_PACKAGES = {"police": (".",), "rapidocr": ("rapidocr", "onnxruntime"), "tesseract": ("pytesseract",)}
_ROOT = Path(__file__).resolve().parent.parent


@attrs.frozen(kw_only=True)
class Start:
    """A fresh process that reads one picture."""

    wall_s: float
    cpu_s: float
    peak_mib: float


@attrs.frozen(kw_only=True)
class Footprint:
    """What ``pip install`` puts into an empty virtual environment."""

    mib: float
    packages: int


def worker_environment(*, model: str = "", word: str = NAME, pin: int | None = None) -> dict[str, str]:
    """Return the environment of a system's process: one thread, one processor, this folder importable.

    Python may keep what it compiled, as it does where pip installed a package: else every start compiles everything.
    """
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", ""))))
    extra = {"PYTHONPATH": path, "BENCHMARK_MODEL": model, "BENCHMARK_NAME": word}
    return {**kept, **ONE_THREAD, **extra, **({} if pin is None else {"BENCHMARK_PIN": str(pin)})}


def start(system: str, picture: Path, *, times: int = 3, model: str = "", pin: int | None = None) -> Start:
    """Return the best of some fresh processes, from their start to their end after one picture.

    The first of them compiles what was not compiled yet.

    Raises:
        subprocess.CalledProcessError: The system cannot run here.
    """
    runs = []
    command = [sys.executable, "-m", "benchmarks.worker", system, "first", str(picture)]
    for _ in range(times):
        before = time.perf_counter()
        process = subprocess.Popen(command, env=worker_environment(model=model, pin=pin), stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - before
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        runs.append(Start(wall_s=wall, cpu_s=usage.ru_utime + usage.ru_stime, peak_mib=usage.ru_maxrss / 1024))
    return min(runs, key=lambda run: run.wall_s)


def installed(system: str) -> Footprint:
    """Install a system into an empty environment and return what came; slow, and needs a package index.

    pip itself is not counted; neither is Tesseract's engine, which the operating system provides.
    """
    folder = Path(tempfile.mkdtemp(prefix="bench-install-"))
    try:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        site = next(folder.glob("lib*/python*/site-packages"))
        pip = ["uv", "pip"] if shutil.which("uv") else [sys.executable, "-m", "pip"]
        packages = [str(_ROOT) if name == "." else name for name in _PACKAGES[system]]
        subprocess.run([*pip, "install", "--quiet", "--target", str(site), *packages], check=True)
        size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file() and not file.is_symlink())
        return Footprint(mib=size / 2**20, packages=len(list(site.glob("*.dist-info"))))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
