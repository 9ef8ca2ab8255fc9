"""Answers are TensorFlow Serving's JSON to the character."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from elasticache_police.serving.answers import (
    write_classifications,
    write_error,
    write_outputs,
    write_predictions,
    write_regressions,
)
from elasticache_police.serving.status import ServingStatusError


def floats(*values):
    return np.array(values, np.float32)


def strings(*values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


def lines(*texts):
    return "\n".join(texts).encode()


def test_one_output_by_row_is_bare_values_on_a_line():
    assert write_predictions({"y": floats(3.5, 4, 5.5)}) == lines(
        "{", '    "predictions": [3.5, 4.0, 5.5', "    ]", "}"
    )


def test_rows_of_rows_stay_on_the_line():
    expected = lines("{", '    "predictions": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]', "    ]", "}")

    assert write_predictions({"y": np.arange(1, 9, dtype=np.int32).reshape(2, 2, 2)}) == expected


def test_several_outputs_by_row_are_an_object_per_row():
    assert write_predictions({"score": floats(0.5, 1), "box": np.array([[1, 2], [3, 4]], np.int64)}) == lines(
        "{",
        '    "predictions": [',
        "        {",
        '            "box": [1, 2],',
        '            "score": 0.5',
        "        },",
        "        {",
        '            "box": [3, 4],',
        '            "score": 1.0',
        "        }",
        "    ]",
        "}",
    )


def test_one_output_by_column_is_a_value_a_line():
    assert write_outputs({"y": floats([1.5], [2])}) == lines(
        "{",
        '    "outputs": [',
        "        [",
        "            1.5",
        "        ],",
        "        [",
        "            2.0",
        "        ]",
        "    ]",
        "}",
    )


def test_several_outputs_by_column_are_an_object():
    assert write_outputs({"b": np.array(True), "a": strings(b"x")}) == lines(
        "{", '    "outputs": {', '        "a": [', '            "x"', "        ],", '        "b": true', "    }", "}"
    )


def test_strings_are_bytes_by_their_name_only():
    tensors = {"text": strings(b'"\n', "é".encode()), "raw_bytes": strings(b"\xff", b"")}

    assert json.loads(write_predictions(tensors)) == {
        "predictions": [{"text": '"\n', "raw_bytes": {"b64": "/w=="}}, {"text": "é", "raw_bytes": {"b64": ""}}]
    }
    assert write_predictions({"raw_bytes": strings(b"a")}) == lines(
        "{", '    "predictions": [{', '            "b64": "YQ=="', "        }", "    ]", "}"
    )


def test_text_that_is_no_utf8_goes_out_as_it_is():
    assert b'"\xff"' in write_predictions({"text": strings(b"\xff")})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.2, "0.2"),
        (1 / 3, "0.333333343"),
        (0.404213637, "0.404213637"),
        (100000, "100000.0"),
        (9000000, "9e+06"),
        (0.00003, "3e-05"),
        (16777216, "16777216.0"),
        (1e10, "1e+10"),
        (-0.0, "-0.0"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
    ],
)
def test_floats_are_short_where_that_loses_nothing(value, text):
    assert write_regressions(floats(value)) == lines("{", f'    "results": [{text}]', "}")


def test_doubles_get_the_digits_they_need():
    assert write_predictions({"y": np.array([1 / 3, 0.1])}) == lines(
        "{", '    "predictions": [0.33333333333333331, 0.1', "    ]", "}"
    )


@settings(max_examples=25)
@given(st_numpy.arrays(np.float32, st_numpy.array_shapes(max_dims=3, min_side=1), elements=st.floats(width=32)))
def test_every_float_is_read_back_as_it_was(array):
    for read in (
        json.loads(write_predictions({"y": array}))["predictions"],
        json.loads(write_outputs({"y": array}))["outputs"],
    ):
        np.testing.assert_array_equal(np.array(read, np.float32), array)


def test_empty_tensors_are_empty_lists():
    assert json.loads(write_predictions({"y": np.zeros((0, 3), np.float32)})) == {"predictions": []}
    assert json.loads(write_predictions({"y": np.zeros((2, 0), np.float32)})) == {"predictions": [[], []]}
    assert json.loads(write_outputs({"y": np.zeros((2, 0), np.float32)})) == {"outputs": [[], []]}


def test_classes_come_with_their_scores():
    assert write_classifications([[(b"cat", 0.25), (b"dog", 0.75)], [(b"", 1.0)]]) == lines(
        "{", '    "results": [[["cat", 0.25], ["dog", 0.75]], [["", 1.0]]', "    ]", "}"
    )


def test_an_error_is_an_object_with_a_message():
    assert json.loads(write_error('a "quoted"\n\tword')) == {"error": 'a "quoted"\n\tword'}


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"y": np.float32(1) * np.ones(())}, "Tensor name: y has no shape information "),
        ({"a": floats(1), "b": floats(1, 2)}, "Tensor name: b has inconsistent batch size: 2 expecting: 1"),
        ({"y": np.array([1j])}, "Failed to write JSON value for tensor type: complex128"),
    ],
)
def test_outputs_that_are_no_rows_are_refused(outputs, message):
    with pytest.raises(ServingStatusError) as caught:
        write_predictions(outputs)

    assert (caught.value.code.http_status, caught.value.message) == (400, message)
