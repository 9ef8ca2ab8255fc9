"""Workers as processes of this machine, some of which are killed at seeded moments."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent


class LocalCrew:
    """What `inspect_on(crew=...)` takes: N processes, replaced when they die while there is work."""

    def __init__(self, job, count: int, *, main: str = "quick_inspector", kills: int = 0, seed: int = 0) -> None:
        self.ready = Path(tempfile.mkdtemp(prefix="crew-"))
        self.environment = {
            **os.environ,
            **job.to_environment(),
            "PYTHONPATH": ":".join([str(HERE), *sys.path]),
            "POLICE_TEST_READY": str(self.ready),
        }
        self.main = main
        self.wanted = count
        self.killed = 0
        self.started = 0
        self.lock = threading.Lock()
        self.done = threading.Event()
        self.processes = [self._start() for _ in range(count)]
        self.killer = threading.Thread(target=self._kill, args=(kills, random.Random(seed)), daemon=True)
        self.killer.start()

    def _start(self) -> subprocess.Popen:
        self.started += 1
        return subprocess.Popen([sys.executable, "-m", self.main], env=self.environment, cwd=HERE)

    def _kill(self, kills: int, chance: random.Random) -> None:
        while self.killed < kills and not self.done.wait(chance.uniform(0.05, 1.5)):
            with self.lock:
                alive = [one for one in self.processes if one.poll() is None and (self.ready / str(one.pid)).exists()]
                if alive:
                    chance.choice(alive).send_signal(signal.SIGKILL)
                    self.killed += 1
                    self._fill()

    def _fill(self) -> None:
        self.processes = [process for process in self.processes if process.poll() is None]
        self.processes += [self._start() for _ in range(self.wanted - len(self.processes))]

    def alive(self, *, work_left: int) -> int:
        with self.lock:
            if work_left:
                self._fill()
            return sum(process.poll() is None for process in self.processes)

    def stop(self) -> None:
        self.done.set()
        self.killer.join()
        with self.lock:
            for process in self.processes:
                process.terminate()
            deadline = time.monotonic() + 20
            for process in self.processes:
                try:
                    process.wait(max(deadline - time.monotonic(), 0.1))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
