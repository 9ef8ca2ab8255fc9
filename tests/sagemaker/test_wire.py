"""Answers from anywhere: read, or refused as no answer of such a model, and never anything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elasticache_police import _wire
from elasticache_police.errors import InvocationError
from elasticache_police.findings import Finding

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_NUMBER = st.integers() | st.floats()
_INSPECTED = st.fixed_dictionaries(
    {
        "boxes": st.lists(st.lists(_NUMBER, min_size=3, max_size=5), max_size=3) | _JSON,
        "scores": st.lists(_NUMBER, max_size=3) | _JSON,
        "readings": st.lists(st.text(max_size=20), max_size=3) | _JSON,
        "count": st.integers(-2, 4) | _JSON,
    },
    optional={"looks_bytes": _JSON},
)


@given(st.binary(max_size=200) | _JSON.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b'{"predictions": {}}')
def test_a_body_is_predictions_or_refused(body) -> None:
    try:
        predictions = _wire.predictions_of(body, count=1)
    except InvocationError:
        return
    assert len(predictions) == 1


@given(_JSON)
def test_a_prediction_is_a_score_or_refused(prediction) -> None:
    try:
        (answer,) = _wire.scores_of([prediction])
    except InvocationError:
        return
    assert 0.0 <= answer.score <= 1.0


@given(_JSON | _INSPECTED)
@example({"boxes": [[0, 0, 1, 1]], "scores": [float("nan")], "readings": ["x"], "count": 1})
@example({"boxes": [[0, 0, float("inf"), 1]], "scores": [0.5], "readings": ["x"], "count": 1})
@example({"looks_bytes": 1})
def test_a_prediction_is_findings_or_refused(prediction) -> None:
    try:
        found = _wire.findings_of(prediction)
    except InvocationError:
        return
    assert all(isinstance(finding, Finding) and 0.0 <= finding.score <= 1.0 for finding in found)


@given(st.lists(st.binary(max_size=400), max_size=20), st.integers(1, 5))
def test_batches_hold_every_picture_in_order_and_fit(pictures, most) -> None:
    limit = 1_000
    batches = list(_wire.fit_into_batches(pictures, limit_bytes=limit, most=most))
    assert [picture for batch in batches for picture in batch] == pictures
    assert all(len(batch) <= most for batch in batches)
    assert all(len(_wire.picture_body("classify", batch)) <= limit for batch in batches)


@pytest.mark.parametrize("count", [-1, [-1]])
def test_a_negative_count_is_no_count(count) -> None:
    with pytest.raises(InvocationError):
        _wire.findings_of({"boxes": [[0, 0, 1, 1]], "scores": [0.5], "readings": ["x"], "count": count})
