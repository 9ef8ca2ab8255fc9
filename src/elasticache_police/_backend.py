"""What stands behind a :class:`~elasticache_police.Police`: this process, or a model somewhere else."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

    from elasticache_police._wire import Wire
    from elasticache_police.findings import Classification, Finding

__all__ = ["Backend", "LocalBackend", "LocalRuntime"]


class Backend(Protocol):
    """A model that looks at pixels. Safe to call from several threads; nothing is loaded or connected before a call."""

    @property
    def default_min_confidence(self) -> float:
        """The confidence below which a finding is left out unless the user says otherwise."""

    @property
    def default_jobs(self) -> int:
        """How many pages are looked at at once unless the user says otherwise."""

    @property
    def pages_at_once(self) -> int:
        """How many pages of one document it is good to hand over together."""

    def inspect_pages(self, pages: Sequence[Image.Image]) -> list[tuple[Finding, ...]]:
        """Return every finding on each page, however unsure.

        Args:
            pages: Mode RGB, upright and opaque.
        """

    def classify_lines(self, lines: npt.NDArray[np.uint8], *, wire: Wire = "base64") -> list[Classification]:
        """Return the verdict on each line.

        Args:
            lines: uint8 (N, 50, 700), grey.
            wire: How they travel, where they do.
        """


class LocalRuntime(Protocol):
    """What :class:`LocalBackend` needs of a loaded model; :class:`elasticache_police.runtime.Runtime` is one."""

    @property
    def default_min_confidence(self) -> float:
        """Chosen on validation data when the model was made."""

    def inspect_page(self, grey: npt.NDArray[np.uint8]) -> tuple[Finding, ...]:
        """Return every finding on a grey page, uint8 (H, W)."""

    def classify_lines(self, lines: npt.NDArray[np.uint8]) -> list[Classification]:
        """Return the verdict on each line of uint8 (N, 50, 700)."""


class LocalBackend:
    """The model in this process, loaded on first use.

    Args:
        model: A model directory; None for the one in the package.
        names: The names to police; None for those the model was made for.
        runtime: A model that is loaded already; `model` and `names` are then not looked at.
    """

    def __init__(
        self, *, model: Path | None = None, names: tuple[str, ...] | None = None, runtime: LocalRuntime | None = None
    ) -> None:
        self._model = model
        self._names = names
        self._given = runtime
        self._runtime = runtime
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[functools.partial[LocalBackend], tuple[()]]:
        """Travel to another process, or into a copy, as what this was made of; the model is loaded again there."""
        return functools.partial(LocalBackend, model=self._model, names=self._names, runtime=self._given), ()

    @property
    def default_min_confidence(self) -> float:
        """As the model's metadata says."""
        return self._loaded().default_min_confidence

    @property
    def default_jobs(self) -> int:
        """One for each core that this process may use."""
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    @property
    def pages_at_once(self) -> int:
        """One: nothing is gained here by holding more."""
        return 1

    def inspect_pages(self, pages: Sequence[Image.Image]) -> list[tuple[Finding, ...]]:
        """Return every finding on each page, however unsure."""
        from elasticache_police.imaging import to_grey

        return [self._loaded().inspect_page(to_grey(page)) for page in pages]

    def classify_lines(self, lines: npt.NDArray[np.uint8], *, wire: Wire = "base64") -> list[Classification]:
        """Return the verdict on each line of uint8 (N, 50, 700); nothing travels here, whatever `wire` says."""
        del wire
        return self._loaded().classify_lines(lines)

    def _loaded(self) -> LocalRuntime:
        if self._runtime is None:
            with self._lock:
                if self._runtime is None:  # another thread may have been first
                    from elasticache_police.runtime import Runtime

                    self._runtime = Runtime.load(self._model, names=self._names)
        return self._runtime
