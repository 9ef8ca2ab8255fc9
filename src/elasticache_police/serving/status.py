"""TensorFlow Serving's errors: a status code, a message, and the HTTP status that it answers them with."""

from __future__ import annotations

import enum

__all__ = ["Code", "ServingStatusError", "invalid_argument"]


class Code(enum.Enum):
    """TensorFlow's status codes, with their number and TensorFlow Serving's HTTP status for each."""

    CANCELLED = (1, 499)
    UNKNOWN = (2, 500)
    INVALID_ARGUMENT = (3, 400)
    DEADLINE_EXCEEDED = (4, 504)
    NOT_FOUND = (5, 404)
    ALREADY_EXISTS = (6, 409)
    PERMISSION_DENIED = (7, 403)
    RESOURCE_EXHAUSTED = (8, 429)
    FAILED_PRECONDITION = (9, 400)
    ABORTED = (10, 409)
    OUT_OF_RANGE = (11, 400)
    UNIMPLEMENTED = (12, 501)
    INTERNAL = (13, 500)
    UNAVAILABLE = (14, 503)
    DATA_LOSS = (15, 500)
    UNAUTHENTICATED = (16, 401)

    @classmethod
    def of_number(cls, number: int) -> Code:
        """Return the code that TensorFlow numbers so; UNKNOWN if there is none."""
        return next((code for code in cls if code.value[0] == number), cls.UNKNOWN)

    @property
    def http_status(self) -> int:
        """The HTTP status TensorFlow Serving answers with."""
        return self.value[1]


class ServingStatusError(Exception):
    """A request that TensorFlow Serving would answer with an error.

    Attributes:
        code: The status code.
        message: The message, as it stands in ``{"error": message}``.
    """

    def __init__(self, code: Code, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code.name}: {message}")


def invalid_argument(message: str) -> ServingStatusError:
    """Return the commonest error."""
    return ServingStatusError(Code.INVALID_ARGUMENT, message)
