"""What can be chosen about a local endpoint."""

from __future__ import annotations

import enum
from pathlib import Path

import attrs

__all__ = ["ContainerVersion", "EndpointOptions"]

_POSITIVE = attrs.validators.gt(0)
_SOME_SECONDS = attrs.validators.gt(0.0)
_NOT_NEGATIVE = attrs.validators.ge(0)
_BYTES_PER_MB = 1024 * 1024


class ContainerVersion(str, enum.Enum):
    """Which generation of SageMaker's managed TensorFlow container to behave like.

    They differ in how strict the content type is read, in what becomes of TensorFlow Serving's errors behind
    ``code/inference.py``, and in how a bad ``tfs-*`` attribute is answered. See the guide, "Which container".
    """

    UP_TO_2_19 = "2.19"
    FROM_2_20 = "2.20"

    def __str__(self) -> str:
        return self.value


@attrs.frozen(kw_only=True)
class EndpointOptions:
    """Everything that a local endpoint is started with."""

    model: Path = attrs.field(converter=Path)
    """A ``model.tar.gz``, or a directory laid out like one."""
    host: str = "127.0.0.1"
    """Address to listen on. The default can be reached from this machine only."""
    port: int = attrs.field(default=8080, validator=[_NOT_NEGATIVE, attrs.validators.le(65535)])
    """TCP port; 0 takes a free one."""
    workers: int = attrs.field(default=1, validator=_POSITIVE)
    """How many copies of the model answer, each in processes of its own (about 600 MB each)."""
    threads: int = attrs.field(default=32, validator=_POSITIVE)
    """Requests that one worker works on at a time; more wait their turn."""
    container: ContainerVersion = attrs.field(default=ContainerVersion.UP_TO_2_19, converter=ContainerVersion)
    """Which generation of the container to behave like."""
    endpoint_name: str | None = None
    """The one name that ``/endpoints/NAME/invocations`` answers to; None answers to any."""
    default_model: str | None = None
    """The model that answers requests which name none; None takes the first in alphabetical order."""
    max_payload_bytes: int = attrs.field(default=25 * _BYTES_PER_MB, validator=_POSITIVE)
    """Largest request body in bytes; a larger one is answered 413."""
    async_output: str | None = None
    """Where results of ``InvokeEndpointAsync`` go, as ``s3://bucket/prefix``; None takes no such invocations."""
    async_failure: str | None = None
    """Where their errors go, as ``s3://bucket/prefix``; None keeps them nowhere."""
    intra_op_threads: int = attrs.field(default=0, validator=_NOT_NEGATIVE)
    """TensorFlow's threads within an operation; 0 leaves it to TensorFlow."""
    inter_op_threads: int = attrs.field(default=0, validator=_NOT_NEGATIVE)
    """TensorFlow's threads across operations; 0 leaves it to TensorFlow."""
    request_timeout_s: float = attrs.field(default=60.0, validator=_SOME_SECONDS)
    """How long the model may take for a request, in seconds; SageMaker's own limit is 60."""
    startup_timeout_s: float = attrs.field(default=300.0, validator=_SOME_SECONDS)
    """How long loading the model may take, in seconds."""
    shutdown_timeout_s: float = attrs.field(default=30.0, validator=_SOME_SECONDS)
    """How long requests under way may take to finish when the endpoint stops, in seconds."""
    log_level: str = attrs.field(
        default="warning", validator=attrs.validators.in_(["debug", "info", "warning", "error"])
    )
    """``info`` logs every request on standard error."""
