"""Reports as SARIF 2.1.0, for code scanning.

The standard: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

from elasticache_police.findings import Finding, Page, Report
from elasticache_police.report.words import misspellings, sentence

__all__ = ["render_sarif"]

_Json: TypeAlias = "dict[str, _Json] | list[_Json] | str | int | float | bool | None"

_RULE = "misspelled-name"


def render_sarif(reports: Iterable[Report]) -> str:
    """Return one SARIF run: a result for each misspelling, a notification for each unreadable file."""
    from elasticache_police import __version__

    driver: _Json = {
        "name": "elasticache-police",
        "semanticVersion": __version__,
        "rules": [
            {
                "id": _RULE,
                "name": "MisspelledName",
                "shortDescription": {"text": "A product name in a picture is misspelled."},
                "help": {"text": "Correct the name in the picture's source and export the picture again."},
                "defaultConfiguration": {"level": "error"},
            }
        ],
    }
    notifications: list[_Json] = []
    results: list[_Json] = []
    for report in reports:
        if report.error is not None:
            where = [_location(report.source)]
            notifications.append({"level": "error", "message": {"text": report.error}, "locations": where})
        results += [_result(report, page, finding) for page, finding in misspellings(report)]
    run: _Json = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": not notifications, "toolExecutionNotifications": notifications}],
        "results": results,
        "columnKind": "unicodeCodePoints",
    }
    document: _Json = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _result(report: Report, page: Page, finding: Finding) -> _Json:
    identity = "\0".join([report.source, str(page.number), finding.name, finding.reading])
    return {
        "ruleId": _RULE,
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": sentence(report, page, finding)},
        "locations": [_location(report.source)],
        "partialFingerprints": {"place/v1": hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()},
        "properties": {"page": page.number, **_plain(finding)},
    }


def _plain(finding: Finding) -> dict[str, _Json]:
    return {
        "box": list(finding.box),
        "score": round(finding.score, 4),
        "reading": finding.reading,
        "kind": None if finding.kind is None else finding.kind.value,
        "name": finding.name,
    }


def _location(source: str) -> _Json:
    # A picture has no lines; code scanning asks for one all the same.
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(source)}, "region": {"startLine": 1}}}


def _uri(source: str) -> str:
    if source.startswith("s3://"):  # a key is no path: two slashes in it are not one
        return f"s3://{quote(os.fsencode(source.removeprefix('s3://')))}"
    path = Path(source)
    if path.is_absolute():
        return path.as_uri()
    return quote(os.fsencode(path.as_posix()))
