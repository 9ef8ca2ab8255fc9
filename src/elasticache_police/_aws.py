"""AWS clients made on first use, requests as data, and AWS's errors in this package's words."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from typing import TYPE_CHECKING, cast

import attrs

from elasticache_police.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    AwsError,
    ConfigurationError,
    EndpointNotReadyError,
    InvocationError,
    NotFoundError,
    PayloadTooLargeError,
    ThrottledError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Literal, TypeAlias

    from boto3.session import Session
    from botocore.client import BaseClient
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.response import StreamingBody

    Scalar: TypeAlias = bool | int | float | str | None
    JsonValue: TypeAlias = Scalar | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
    """What a request is made of: plain data that ``json.dumps`` writes."""

__all__ = ["PROJECT_TAG", "Clients", "Request", "call", "client", "is_passing", "read_body", "translate", "translated"]

PROJECT_TAG = ("elasticache-police", "true")
"""Key and value of the tag on everything this package makes on AWS, by which it is found again."""

_DENIED = frozenset({
    "403", "AccessDenied", "AccessDeniedException", "AuthFailure", "ExpiredToken", "ExpiredTokenException", "Forbidden",
    "InvalidAccessKeyId", "InvalidClientTokenId", "NoCredentialsError", "PartialCredentialsError",
    "SignatureDoesNotMatch", "UnauthorizedOperation", "UnrecognizedClientException",
})  # fmt: skip
_MISSING = frozenset({
    "404", "AWS.SimpleQueueService.NonExistentQueue", "ClusterNotFoundException", "InvalidActivation",
    "InvalidActivationId", "InvalidInstanceId", "NoSuchBucket", "NoSuchEntity", "NoSuchKey", "NotFound",
    "ObjectNotFoundException", "QueueDoesNotExist", "RepositoryNotFoundException", "ResourceNotFound",
    "ResourceNotFoundException",
})  # fmt: skip
_EXISTS = frozenset({
    "BucketAlreadyExists", "BucketAlreadyOwnedByYou", "EntityAlreadyExists", "RepositoryAlreadyExistsException",
    "ResourceAlreadyExistsException", "ResourceInUse",
})  # fmt: skip
_THROTTLED = frozenset({
    "BandwidthLimitExceeded", "EC2ThrottledException", "PriorRequestNotComplete", "RequestLimitExceeded",
    "RequestThrottled", "RequestThrottledException", "SlowDown", "ThrottledException", "Throttling",
    "ThrottlingException", "TooManyRequestsException",
})  # fmt: skip
_TOO_LARGE = frozenset({"413", "EntityTooLarge", "RequestEntityTooLarge", "RequestEntityTooLargeException"})
_PASSING = frozenset({
    "500", "502", "503", "504", "ConcurrentUpdateException", "ConnectTimeoutError", "ConnectionClosedError",
    "EndpointConnectionError", "IncompleteReadError", "InternalError", "InternalFailure", "InternalServerError",
    "InternalServerException", "InternalServiceException", "InternalServiceFault", "ReadTimeoutError", "RequestTimeout",
    "ResponseStreamingError", "ServerException", "ServiceUnavailable", "ServiceUnavailableException",
})  # fmt: skip
_ADVICE = ": name a profile, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in with the AWS command line"
_VALIDATION = frozenset({"InvalidParameterException", "ValidationError", "ValidationException"})
_SAYS_MISSING = re.compile(r"could not find|not found|does not exist|cannot find", re.IGNORECASE)
_SAYS_EXISTS = re.compile(r"already exist", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class Request:
    """One AWS request as data: what a dry run prints is what a run sends."""

    service: str
    """boto3's name of the service, such as ``sagemaker``."""
    operation: str
    """AWS's name of the operation, such as ``CreateModel``."""
    parameters: Mapping[str, JsonValue]
    """The operation's parameters by AWS's names."""


def _default_config() -> Config:
    from botocore.config import Config

    return Config(
        retries={"mode": cast("Literal['standard']", os.environ.get("AWS_RETRY_MODE", "standard"))},
        connect_timeout=10,
        user_agent_extra="elasticache-police",
    )


def client(
    service: str, *, session: Session | None = None, region: str | None = None, config: Config | None = None
) -> BaseClient:
    """Make a client with botocore's standard retries.

    Args:
        service: boto3's name of the service.
        session: The session to make it from; a new default one otherwise.
        region: Overrides the session's region.
        config: Overrides, setting by setting, this package's defaults (standard retries, 10 s to connect).

    Raises:
        ConfigurationError: No region is configured anywhere, or a profile does not exist.
    """
    import boto3
    from botocore.exceptions import NoRegionError, ProfileNotFound

    settings = _default_config() if config is None else _default_config().merge(config)
    try:
        session = session or boto3.session.Session()
        return cast("BaseClient", session.client(service, region_name=region, config=settings))
    except NoRegionError as error:
        message = "no AWS region: pass region=..., set AWS_DEFAULT_REGION, or put one in the profile"
        raise ConfigurationError(message) from error
    except ProfileNotFound as error:
        raise ConfigurationError(str(error)) from error


class Clients:
    """The clients of one account and region, each made when it is first used. Safe to use from several threads.

    Precedence, the same everywhere in this package: a client that is given wins, then the session, then boto3's
    own default chain.
    """

    def __init__(
        self,
        *,
        clients: Mapping[str, BaseClient] | None = None,
        session: Session | None = None,
        region: str | None = None,
        config: Config | None = None,
    ) -> None:
        """Remember what to make clients from; nothing is made yet.

        Args:
            clients: Ready clients by service name, such as ``{"sagemaker": ...}``.
            session: The boto3 session for the others.
            region: Overrides the session's region.
            config: Overrides this package's client settings.
        """
        self._given = dict(clients or {})
        self._session = session
        self._region = region
        self._config = config
        self._lock = threading.RLock()  # boto3's sessions must not make two clients at once

    def __getitem__(self, service: str) -> BaseClient:
        """Return the client of a service by boto3's name."""
        with self._lock:
            if service not in self._given:
                made = client(service, session=self._session, region=self.region_or_none, config=self._config)
                self._given[service] = made
            return self._given[service]

    @property
    def region_or_none(self) -> str | None:
        """The region that was given, or that of a given client, or None to leave it to the session."""
        if self._region is not None:
            return self._region
        regions = (made.meta.region_name for made in self._given.values())
        return next((region for region in regions if region != "aws-global"), None)

    @property
    def region(self) -> str:
        """The region that requests go to.

        Raises:
            ConfigurationError: No region is configured anywhere.
        """
        return self.region_or_none or self["sts"].meta.region_name

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn``, ``aws-us-gov`` and so on."""
        return self["sts"].meta.partition

    def in_region(self, region: str) -> Clients:
        """Return those of another region, or these where it is theirs: from the same session, none of them given."""
        if region == self.region:
            return self
        return Clients(session=self._session, region=region, config=self._config)

    def account_id(self) -> str:
        """Ask STS whose credentials these are.

        Raises:
            AwsError: There are no credentials, or they do not work.
        """
        answer = call(self["sts"], Request(service="sts", operation="GetCallerIdentity", parameters={}))
        return str(answer["Account"])

    def perform(self, request: Request) -> Mapping[str, object]:
        """Send a request and return AWS's answer.

        Raises:
            AwsError: AWS refused or failed it; one of its subclasses where AWS says why.
        """
        return call(self[request.service], request)


def call(sender: BaseClient, request: Request) -> Mapping[str, object]:
    """Send a request through a client and return AWS's answer.

    Raises:
        AwsError: AWS refused or failed it; one of its subclasses where AWS says why.
    """
    from botocore import xform_name

    with translated(request.operation):
        method = getattr(sender, xform_name(request.operation))
        return cast("Mapping[str, object]", method(**request.parameters))


def read_body(answer: Mapping[str, object], operation: str) -> bytes:
    """Read the body that an answer streams, whose connection may break as late as here.

    Raises:
        AwsError: It broke, or the time was up.
    """
    with translated(operation):
        return cast("StreamingBody", answer["Body"]).read()


@contextlib.contextmanager
def translated(operation: str) -> Iterator[None]:
    """Raise what boto raises in the block as this package's errors, from their cause.

    Args:
        operation: The API operation, such as ``CreateEndpoint``, for the message.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise translate(error, operation) from error


def translate(error: ClientError | BotoCoreError, operation: str = "") -> AwsError:
    """Turn an error of boto's into this package's: raise the result ``from`` it.

    AWS uses ``ValidationException`` for almost everything, "does not exist" and "exists already" included, so its
    message is read as well.

    Args:
        error: What boto raised.
        operation: The API operation; botocore's own note of it otherwise.
    """
    response = getattr(error, "response", None)
    operation = operation or str(getattr(error, "operation_name", ""))
    if not isinstance(response, dict):  # a BotoCoreError: nothing came back
        code = type(error).__name__
        kind = AccessDeniedError if code in _DENIED else AwsError
        advice = _ADVICE if code in {"NoCredentialsError", "PartialCredentialsError"} else ""
        return kind(f"{error}{advice}", operation=operation, code=code)
    details = response.get("Error", {})
    code = str(details.get("Code", ""))
    message = str(details.get("Message") or "AWS gave no message")
    request_id = str(response.get("ResponseMetadata", {}).get("RequestId", ""))
    if code == "ModelError":
        return InvocationError(
            message,
            operation=operation,
            code=code,
            request_id=request_id,
            model_status=int(response.get("OriginalStatusCode") or 0),
            model_message=str(response.get("OriginalMessage") or ""),
            log_url=str(response.get("LogStreamArn") or ""),
        )
    return _class_of(code, message)(message, operation=operation, code=code, request_id=request_id)


def _class_of(code: str, message: str) -> type[AwsError]:
    """Choose the class for a code, reading the message where the code says nothing."""
    table: tuple[tuple[frozenset[str], type[AwsError]], ...] = (
        (_DENIED, AccessDeniedError),
        (_MISSING, NotFoundError),
        (_EXISTS, AlreadyExistsError),
        (_THROTTLED, ThrottledError),
        (_TOO_LARGE, PayloadTooLargeError),
        (frozenset({"ModelNotReadyException"}), EndpointNotReadyError),
    )
    for codes, kind in table:
        if code in codes:
            return kind
    if code in _VALIDATION:
        if _SAYS_EXISTS.search(message):
            return AlreadyExistsError
        if _SAYS_MISSING.search(message):
            return NotFoundError
    return AwsError


def is_passing(error: AwsError) -> bool:
    """Say whether an error is the kind that goes away: throttling, a broken connection, a server's bad moment."""
    return isinstance(error, ThrottledError) or error.code in _PASSING
