"""Workers as threads of this process: quick, for what needs no killing."""

from __future__ import annotations

import threading

from elasticache_police._aws import Clients
from elasticache_police.ecs_anywhere import Worker


class Threads:
    """What `inspect_on(crew=...)` takes: N threads, not replaced when they end."""

    def __init__(self, job, count, *, tally=None) -> None:
        self.workers = [
            Worker(job, clients=Clients(), inspector="quick_inspector:make", poll_s=0, idle_polls=2)
            for _ in range(count)
        ]
        self.threads = [threading.Thread(target=worker.run) for worker in self.workers]
        for thread in self.threads:
            thread.start()
        if tally is not None:
            tally.extend(worker.tally for worker in self.workers)

    def alive(self, *, work_left: int) -> int:
        return sum(thread.is_alive() for thread in self.threads)

    def stop(self) -> None:
        for worker in self.workers:
            worker.stop()
        for thread in self.threads:
            thread.join()
