"""Stand in front of TensorFlow Serving in SageMaker's managed TensorFlow container.

This file is ``code/inference.py`` of a ``model.tar.gz``. The container calls :func:`input_handler`, posts what that
returns to TensorFlow Serving at ``context.rest_uri``, and calls :func:`output_handler` with the answer. It takes

* a picture as it is (``application/x-image`` or ``image/*``, one per request): batch transform over a folder of PNG
  and JPEG files needs no other preparation;
* every form that the container takes without this file, unchanged: JSON in row, column and bare form, JSON lines, CSV.

It needs the standard library only, no network at start, and runs in the containers from TensorFlow 2.4 (Python 3.7)
to 2.20.

A picture goes to the ``inspect`` signature. ``signature=classify`` in the header
``X-Amzn-SageMaker-Custom-Attributes``, or the environment variable ``POLICE_PICTURE_SIGNATURE`` of the model, choose
another one that takes encoded pictures.
"""

from __future__ import annotations

import base64
import csv
import json
import os
import re
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    class Context(Protocol):
        """What the container tells about a request; the fields used here."""

        request_content_type: str
        accept_header: str
        custom_attributes: str | None

    class Answer(Protocol):
        """TensorFlow Serving's answer, a ``requests.Response``."""

        status_code: int
        content: bytes


JSON_TYPES = ("application/json", "application/jsonlines", "application/jsons")
PICTURE_SIGNATURE = "inspect"

_SERVING_KEYS = re.compile(r'"(instances|inputs|examples)"\s*:')
_NEIGHBOURS = re.compile(r"[}\]]\s*[\[{]")
_LINE_END = re.compile(r"\r?\n")
_NESTED_LIST = re.compile(r"\s*\[\s*\[")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_SIGNATURE_ATTRIBUTE = re.compile(r"(?:^|,)\s*signature=([\w./-]+)")


def input_handler(data: IO[bytes], context: Context) -> str:
    """Turn a request into TensorFlow Serving's JSON.

    Args:
        data: The body, to be read.
        context: The container's description of the request.

    Raises:
        ValueError: The content type is none of those above, or the body is empty or no text.
    """
    body = data.read()
    kind = media_type(context.request_content_type)
    if kind == "application/x-image" or kind.startswith("image/"):
        return picture_request(body, picture_signature(context.custom_attributes))
    if kind in JSON_TYPES:
        return json_request(body.decode("utf-8"))
    if kind == "text/csv":
        return csv_request(body.decode("utf-8"))
    raise ValueError("Unsupported Media Type: {}".format(context.request_content_type or "Unknown"))


def output_handler(response: Answer, context: Context) -> tuple[bytes, str]:
    """Pass TensorFlow Serving's answer on; JSON lines as one line.

    Raises:
        ValueError: TensorFlow Serving refused the request. Without this check the containers up to TensorFlow 2.19
            would answer 200 with the error as if it was a prediction.
    """
    if response.status_code != 200:
        raise ValueError(f"TensorFlow Serving answered {response.status_code}: {error_text(response.content)}")
    if "application/jsonlines" in (context.accept_header or ""):
        return response.content.replace(b"\n", b"") + b"\n", "application/jsonlines"
    return response.content, "application/json"


def media_type(content_type: str | None) -> str:
    """Return a content type in lower case, without its parameters."""
    return (content_type or "").split(";")[0].strip().lower()


def picture_signature(custom_attributes: str | None) -> str:
    """Return which signature of the model a bare picture is for."""
    match = _SIGNATURE_ATTRIBUTE.search(custom_attributes or "")
    return match.group(1) if match else os.environ.get("POLICE_PICTURE_SIGNATURE", PICTURE_SIGNATURE)


def picture_request(body: bytes, signature: str) -> str:
    """Wrap one encoded picture as a row for ``signature``."""
    if not body:
        raise ValueError("the request has no picture in it")
    picture = {"b64": base64.b64encode(body).decode("ascii")}
    return json.dumps({"signature_name": signature, "instances": [picture]})


def json_request(text: str) -> str:
    """Make TensorFlow Serving's JSON of any of the JSON forms, as the container does without this file.

    A document with ``instances``, ``inputs`` or ``examples`` stays as it is; JSON lines become instances; a list of
    lists is taken as the instances, and anything else as the one instance.
    """
    if _SERVING_KEYS.search(text):
        return text
    if _NEIGHBOURS.search(text):
        lines = [line.strip() for line in _LINE_END.split(text.strip())]
        rows = ",".join(line for line in lines if line)
        return '{"instances":' + (rows if len(lines) == 1 else f"[{rows}]") + "}"
    return '{"instances":' + (text if _NESTED_LIST.match(text) else f"[{text}]") + "}"


def csv_request(text: str) -> str:
    """Make TensorFlow Serving's JSON of CSV: a row an instance, a number where a field looks like one, else a text."""
    rows = []
    for line in _LINE_END.split(text.strip()):
        if line.strip():
            fields = [csv_value(field) for field in next(csv.reader([line.strip()]))]
            rows.append(fields[0] if len(fields) == 1 else "[" + ",".join(fields) + "]")
    return '{"instances":[' + ",".join(rows) + "]}"


def csv_value(field: str) -> str:
    """Return a CSV field as JSON."""
    number = field.strip()
    return number if _NUMBER.fullmatch(number) else json.dumps(field)


def error_text(content: bytes) -> str:
    """Return the message in TensorFlow Serving's ``{"error": message}``, or the whole answer if it is no such thing."""
    text = content.decode("utf-8", "replace")
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text
