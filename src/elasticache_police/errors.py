"""Every error this package raises on purpose.

::

    PoliceError
    ├── ConfigurationError            (ValueError)      an option or a combination of options that cannot work
    ├── ImageError                    (ValueError)      this is not a picture we can read; says which and what to do
    ├── ModelFileError                (ValueError)      a model directory or archive that is damaged or of another make
    ├── MissingExtraError             (ImportError)     a feature whose optional packages are not installed
    ├── TrainingError                 (RuntimeError)    a training run that cannot start, resume or finish
    ├── ServingError                  (RuntimeError)    a local endpoint that cannot start or stopped by itself
    ├── WaitTimeoutError              (TimeoutError)    a wait that ended before what it waited for came
    └── AwsError                      (RuntimeError)    AWS said no; carries operation, code, request id
        ├── AccessDeniedError         (PermissionError)
        ├── NotFoundError             (LookupError)
        ├── AlreadyExistsError
        ├── ThrottledError
        ├── ResourceFailedError                         a resource ended in a failed state, with AWS's own reason
        ├── InvocationError                             the model behind an endpoint answered with an error
        ├── EndpointNotReadyError
        ├── PayloadTooLargeError      (ValueError)
        ├── LeftBehindError                             a clean-up could not remove everything; says what is left
        └── TaskFailedError                             an ECS task that could not start or ended badly
            └── PlacementError                          no machine of the cluster can take the task; says what lacks
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "AccessDeniedError",
    "AlreadyExistsError",
    "AwsError",
    "ConfigurationError",
    "EndpointNotReadyError",
    "ImageError",
    "InvocationError",
    "LeftBehindError",
    "MissingExtraError",
    "ModelFileError",
    "NotFoundError",
    "PayloadTooLargeError",
    "PlacementError",
    "PoliceError",
    "ResourceFailedError",
    "ServingError",
    "TaskFailedError",
    "ThrottledError",
    "TrainingError",
    "WaitTimeoutError",
]


class PoliceError(Exception):
    """Root of every error raised by this package on purpose."""


class ConfigurationError(PoliceError, ValueError):
    """An option, or a combination of options, that cannot work."""


class ImageError(PoliceError, ValueError):
    """Something given as a picture cannot be read as one.

    Attributes:
        source: What the user called it: a path, a name, or a description such as ``<bytes>``.
        reason: What is wrong with it.
        advice: What to do about it.
    """

    def __init__(self, source: str, reason: str, advice: str = "") -> None:
        self.source = source
        self.reason = reason
        self.advice = advice
        super().__init__(f"{source}: {reason}" + (f" ({advice})" if advice else ""))


class ModelFileError(PoliceError, ValueError):
    """A model directory or archive is missing a part, damaged, or of a make this version cannot read."""


class MissingExtraError(PoliceError, ImportError):
    """A feature needs packages that the base install leaves out.

    Attributes:
        extra: The name of the extra to install, as in ``pip install "elasticache-police[EXTRA]"``.
    """

    def __init__(self, feature: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f'{feature} needs optional packages: pip install "elasticache-police[{extra}]"')


class TrainingError(PoliceError, RuntimeError):
    """A training run cannot start, resume or finish."""


class ServingError(PoliceError, RuntimeError):
    """A local endpoint cannot start, or stopped by itself."""


class WaitTimeoutError(PoliceError, TimeoutError):
    """A wait ended before what it waited for came.

    Attributes:
        waited_for: What was waited for, in words.
        elapsed_s: Seconds waited.
        last_status: The last state that was seen.
    """

    def __init__(self, waited_for: str, *, elapsed_s: float, last_status: str) -> None:
        self.waited_for = waited_for
        self.elapsed_s = elapsed_s
        self.last_status = last_status
        super().__init__(f"{waited_for}: gave up after {elapsed_s:.0f} s; the last state seen was {last_status}")


class AwsError(PoliceError, RuntimeError):
    """AWS refused or failed a request.

    Attributes:
        operation: The API operation, such as ``CreateEndpoint``.
        code: AWS's error code, such as ``ValidationException``.
        request_id: AWS's request id, empty when there is none.
    """

    def __init__(self, message: str, *, operation: str = "", code: str = "", request_id: str = "") -> None:
        self.operation = operation
        self.code = code
        self.request_id = request_id
        where = ", ".join(f"{name} {value}" for name, value in (("code", code), ("request id", request_id)) if value)
        text = f"{operation}: {message}" if operation else message
        super().__init__(f"{text} [{where}]" if where else text)


class AccessDeniedError(AwsError, PermissionError):
    """The caller, or the role the service assumes, lacks a permission."""


class NotFoundError(AwsError, LookupError):
    """The resource named in a request does not exist."""


class AlreadyExistsError(AwsError):
    """A resource of that name exists already."""


class ThrottledError(AwsError):
    """AWS kept answering "slow down" after botocore's own retries."""


class ResourceFailedError(AwsError):
    """A resource ended in a failed state.

    Attributes:
        resource: Which resource, such as ``endpoint ElastiCachePoliceEndpoint``.
        status: Its last status.
        reason: AWS's own reason.
        log_tail: The last lines its container logged, when they could be read.
    """

    def __init__(
        self, resource: str, *, status: str, reason: str, log_tail: tuple[str, ...] = (), operation: str = ""
    ) -> None:
        self.resource = resource
        self.status = status
        self.reason = reason
        self.log_tail = log_tail
        text = f"{resource} is {status}: {reason or 'AWS gave no reason'}"
        if log_tail:
            text += "\nlast lines of its log:\n" + "\n".join(f"  {line}" for line in log_tail)
        super().__init__(text, operation=operation)


class InvocationError(AwsError):
    """The model behind an endpoint answered with an error.

    Attributes:
        model_status: The HTTP status the model's container answered, 0 when unknown.
        model_message: What the container said.
        log_url: Where SageMaker says the container's log is.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        code: str = "",
        request_id: str = "",
        model_status: int = 0,
        model_message: str = "",
        log_url: str = "",
    ) -> None:
        self.model_status = model_status
        self.model_message = model_message
        self.log_url = log_url
        super().__init__(message, operation=operation, code=code, request_id=request_id)


class EndpointNotReadyError(AwsError):
    """The endpoint exists and is not in service."""


class PayloadTooLargeError(AwsError, ValueError):
    """A request would exceed the size limit of its mode."""


class LeftBehindError(AwsError):
    """A clean-up could not remove everything, and what is left may cost money.

    Attributes:
        left: What is left, each with the reason.
        removed: What was removed.
    """

    def __init__(self, *, left: Iterable[str], removed: Iterable[str] = ()) -> None:
        self.left = tuple(left)
        self.removed = tuple(removed)
        super().__init__("could not be removed: " + "; ".join(self.left))


class TaskFailedError(AwsError):
    """An ECS task could not start or ended badly.

    Attributes:
        task_arn: The task, empty when none was placed.
        stop_code: ECS's ``stopCode``.
        reason: ECS's ``stoppedReason`` or placement failure.
        exit_code: The essential container's exit code, None when it never ran or ECS lost sight of it.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str = "RunTask",
        code: str = "",
        request_id: str = "",
        task_arn: str = "",
        stop_code: str = "",
        reason: str = "",
        exit_code: int | None = None,
    ) -> None:
        self.task_arn = task_arn
        self.stop_code = stop_code
        self.reason = reason
        self.exit_code = exit_code
        super().__init__(message, operation=operation, code=code, request_id=request_id)


class PlacementError(TaskFailedError):
    """No machine of the cluster could take a task.

    Attributes:
        wanted: How many tasks were asked for.
        placed: How many could be placed before it failed; they were stopped again.
        reasons: ECS's reasons, such as ``RESOURCE:MEMORY``, each once.
    """

    def __init__(
        self, message: str, *, wanted: int, placed: int = 0, reasons: tuple[str, ...] = (), code: str = ""
    ) -> None:
        self.wanted = wanted
        self.placed = placed
        self.reasons = reasons
        super().__init__(message, code=code, reason="; ".join(reasons))
