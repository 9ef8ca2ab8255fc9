"""A worker with the packaged model, for the benchmark."""

from __future__ import annotations

import os
from pathlib import Path

from elasticache_police.ecs_anywhere import worker

if __name__ == "__main__":
    Path(os.environ["POLICE_TEST_READY"], str(os.getpid())).touch()
    raise SystemExit(worker.main())
