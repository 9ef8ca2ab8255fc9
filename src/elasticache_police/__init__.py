"""Find misspelled product names in images: it is Amazon ElastiCache, not ElasticCache.

::

    from elasticache_police import Police

    report = Police().inspect("architecture.png")
    for finding in report.misspelled:
        print(finding.box, finding.reading, finding.score)

Names are handed out on first use (:pep:`562`), so importing this package loads neither numpy, Pillow, boto3 nor
TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elasticache_police.client import Police
    from elasticache_police.errors import (
        AccessDeniedError,
        AlreadyExistsError,
        AwsError,
        ConfigurationError,
        EndpointNotReadyError,
        ImageError,
        InvocationError,
        LeftBehindError,
        MissingExtraError,
        ModelFileError,
        NotFoundError,
        PayloadTooLargeError,
        PlacementError,
        PoliceError,
        ResourceFailedError,
        ServingError,
        TaskFailedError,
        ThrottledError,
        TrainingError,
        WaitTimeoutError,
    )
    from elasticache_police.findings import Classification, Finding, Kind, Page, Report, Verdict
    from elasticache_police.tickets import Ticket

    __version__: str

__all__ = [
    "AccessDeniedError",
    "AlreadyExistsError",
    "AwsError",
    "Classification",
    "ConfigurationError",
    "EndpointNotReadyError",
    "Finding",
    "ImageError",
    "InvocationError",
    "Kind",
    "LeftBehindError",
    "MissingExtraError",
    "ModelFileError",
    "NotFoundError",
    "Page",
    "PayloadTooLargeError",
    "PlacementError",
    "Police",
    "PoliceError",
    "Report",
    "ResourceFailedError",
    "ServingError",
    "TaskFailedError",
    "ThrottledError",
    "Ticket",
    "TrainingError",
    "Verdict",
    "WaitTimeoutError",
    "__version__",
]

_HOMES = {name: "errors" for name in __all__ if name.endswith("Error")} | {
    "Police": "client",
    "Classification": "findings",
    "Finding": "findings",
    "Kind": "findings",
    "Page": "findings",
    "Report": "findings",
    "Ticket": "tickets",
    "Verdict": "findings",
}


def __getattr__(name: str) -> object:
    """Import a public name from its home on first use."""
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            value: object = version("elasticache-police")
        except PackageNotFoundError:  # run from a source tree that was never installed
            value = "0+unknown"
    elif name in _HOMES:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
