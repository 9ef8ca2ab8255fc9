"""Requests become tensors by TensorFlow Serving's rules, or are refused in its words."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from elasticache_police.serving.documents import parse_document
from elasticache_police.serving.status import ServingStatusError
from elasticache_police.serving.tensors import read_predict_request

ONE_FLOAT = {"x": "float"}


def read(body, dtypes):
    return read_predict_request(parse_document(body if isinstance(body, bytes) else body.encode()), dtypes)


def tensor(values, dtype):
    array = np.empty(np.shape(values), object) if dtype is object else np.array(values, dtype)
    if dtype is object:
        array[...] = values
    return array


@pytest.mark.parametrize(
    ("body", "dtype", "expected"),
    [
        ('{"instances": [1, 2.5]}', "float", tensor([1, 2.5], np.float32)),
        ('{"instances": [[1], [2]]}', "double", tensor([[1], [2]], np.float64)),
        ('{"instances": [{"x": 1}, {"x": 2}]}', "int32", tensor([1, 2], np.int32)),
        ('{"instances": [NaN, Infinity, -Infinity]}', "float", tensor([math.nan, math.inf, -math.inf], np.float32)),
        ('{"instances": [[], []]}', "float", np.zeros((2, 0), np.float32)),
        ('{"instances": [9223372036854775807]}', "int64", tensor([2**63 - 1], np.int64)),
        ('{"instances": [18446744073709551615]}', "uint64", tensor([2**64 - 1], np.uint64)),
        ('{"instances": [4294967295]}', "uint32", tensor([2**32 - 1], np.uint32)),
        ('{"instances": [257]}', "uint8", tensor([1], np.uint8)),
        ('{"instances": [true, false]}', "bool", tensor([True, False], np.bool_)),
        ('{"instances": ["a", "\\u00e9"]}', "string", tensor([b"a", "é".encode()], object)),
        ('{"instances": [{"b64": "/wA="}]}', "string", tensor([b"\xff\x00"], object)),
        ('{"instances": [{"x": {"b64": "/wA"}}]}', "string", tensor([b"\xff\x00"], object)),
        ('{"instances": [["a", {"b64": " YQ ==\\n"}]]}', "string", tensor([[b"a", b"a"]], object)),
        (b'{"instances": ["\xff"]}', "string", tensor([b"\xff"], object)),
        ('{"inputs": 5}', "float", tensor(5, np.float32)),
        ('{"inputs": [[1, 2]]}', "float", tensor([[1, 2]], np.float32)),
        ('{"inputs": {"x": [1]}}', "float", tensor([1], np.float32)),
        ('{"inputs": {"b64": "YQ=="}}', "string", tensor(b"a", object)),
    ],
)
def test_values_take_the_type_that_the_signature_wants(body, dtype, expected):
    actual = read(body, {"x": dtype}).tensors["x"]

    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(actual, expected)


def test_rows_and_columns_give_several_inputs():
    dtypes = {"a": "float", "b": "string"}
    rows = read('{"instances": [{"a": [1, 2], "b": "x"}, {"b": "y", "a": [3, 4]}]}', dtypes)
    columns = read('{"inputs": {"a": [[1, 2], [3, 4]], "b": ["x", "y"], "unknown": 1}}', dtypes)

    assert (rows.by_row, columns.by_row) == (True, False)
    for request in (rows, columns):
        assert request.tensors["a"].tolist() == [[1, 2], [3, 4]]
        assert request.tensors["b"].tolist() == [b"x", b"y"]


@settings(max_examples=25)
@given(
    st_numpy.arrays(
        np.float32,
        st_numpy.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4),
        elements=st.floats(width=32, allow_nan=False),
    )
)
def test_any_array_written_as_json_is_read_back_as_it_was(array):
    actual = read(json.dumps({"instances": array.tolist()}), ONE_FLOAT).tensors["x"]

    assert actual.shape == array.shape
    np.testing.assert_array_equal(actual, array)


def refused(body, dtypes=ONE_FLOAT):
    with pytest.raises(ServingStatusError) as caught:
        read(body, dtypes)
    return caught.value.code.http_status, caught.value.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "JSON Parse error: The document is empty"),
        ("  ", "JSON Parse error: The document is empty. at offset: 2"),
        ("é x", "JSON Parse error: Invalid value. at offset: 0"),
        ('{"é": x}', "JSON Parse error: Invalid value. at offset: 7"),
        ("{} {}", "JSON Parse error: The document root must not be followed by other values. at offset: 3"),
        ("{1: 2}", "JSON Parse error: Missing a name for object member. at offset: 1"),
        ('{"a" 2}', "JSON Parse error: Missing a colon after a name of object member. at offset: 5"),
        ('{"a": 2 "b"}', "JSON Parse error: Missing a comma or } after an object member. at offset: 8"),
        ('{"a": [2 "}"]}', "JSON Parse error: Missing a comma or ] after an array element. at offset: 9"),
        ('{"a": ["}" {', "JSON Parse error: Missing a comma or ] after an array element. at offset: 11"),
        ('{"a": "b', "JSON Parse error: Missing a closing quotation mark in string. at offset: 6"),
        ('{"a": "\\x"}', "JSON Parse error: Invalid escape character in string. at offset: 7"),
        ("[1]", "JSON Value: [\n    1\n] Is not object"),
        ("{}", "Missing 'inputs' or 'instances' key"),
        ('{"instances": 1}', "JSON Value: {\n    \"instances\": 1\n} Excepting 'instances' to be an list/array"),
        ('{"instances": []}', "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array"),
    ],
)
def test_what_is_no_request_is_refused(body, message):
    assert refused(body) == (400, message)


@pytest.mark.parametrize("depth", [100_000])
def test_endless_nesting_is_refused(depth):
    assert refused("[" * depth) == (400, "JSON Parse error: Terminate parsing due to Handler error.")


@pytest.mark.parametrize(
    ("rows", "dtype", "message"),
    [
        ('[1, "a"]', "float", '1: JSON Value: "a" Type: String is not of expected type: float'),
        ("[null]", "float", "0: JSON Value: null Type: Null is not of expected type: float"),
        ("[true]", "float", "0: JSON Value: true Type: True is not of expected type: float"),
        ("[1, 2.5]", "int32", "1: JSON Value: 2.5 Type: Number is not of expected type: int32"),
        ("[2147483648]", "int32", "0: JSON Value: 2147483648 Type: Number is not of expected type: int32"),
        ("[-1]", "uint64", "0: JSON Value: -1 Type: Number is not of expected type: uint64"),
        ("[1]", "bool", "0: JSON Value: 1 Type: Number is not of expected type: bool"),
        ("[1]", "string", "0: JSON Value: 1 Type: Number is not of expected type: string"),
        (
            '[{"b64": "YQ=="}]',
            "float",
            '0: JSON Value: {\n    "b64": "YQ=="\n} Type: Object is not of expected type: float',
        ),
        ('[{"b64": "Y"}]', "string", "0: Unable to base64 decode"),
        ('[{"b64": "a*bc"}]', "string", "0: Unable to base64 decode"),
        ("[16777216]", "float", "0: Cannot convert JSON value: 16777216 to float without loss of precision."),
        ("[1.0, 1e39]", "float", "1: Cannot convert JSON value: 1e+39 to float without loss of precision."),
        (
            "[9007199254740992]",
            "double",
            "0: Cannot convert JSON value: 9007199254740992 to double without loss of precision.",
        ),
        ("[[1], [2, 3]]", "float", "1: Expecting tensor size: 1 but got: 2"),
        ("[[1, 2], [[1, 2]]]", "float", "1: Expecting shape [2] but got: [1,2]"),
        ("[[[1], [2, 3]]]", "float", "0: Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
        ("[[1, [2]]]", "float", "0: Encountered list at unexpected level: 1 expected < 1"),
        ("[[[1], 2]]", "float", "0: JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_their_number(rows, dtype, message):
    number, _, error = message.partition(": ")

    assert refused(f'{{"instances": {rows}}}', {"x": dtype}) == (
        400,
        f"Failed to process element: {number} of 'instances' list. Error: INVALID_ARGUMENT: {error}",
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            '{"instances": [1]}',
            (
                "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
                "tensorinfo_map"
            ),
        ),
        (
            '{"inputs": [1]}',
            (
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            ),
        ),
        ('{"inputs": {"a": 1}}', "Missing named input: b in 'inputs' object."),
        ('{"instances": [{"a": 1, "b": 2}, 3]}', "Expecting object but got list at item 1 of input list"),
        (
            '{"instances": [{"a": 1, "b": 2}, {"a": 1}]}',
            (
                "Failed to process element: 1 of 'instances' list. "
                'JSON object: {\n    "a": 1\n} keys must be equal to: a,b'
            ),
        ),
        (
            '{"instances": [{"a": 1, "b": 2}, {"a": 1, "b": [2]}]}',
            (
                "Failed to process element: 1 key: b of 'instances' list. Error: INVALID_ARGUMENT: "
                "Expecting shape [] but got: [1]"
            ),
        ),
    ],
)
def test_several_inputs_are_all_asked_for(body, message):
    assert refused(body, {"a": "float", "b": "float"}) == (400, message)


def test_an_object_among_bare_rows_is_refused():
    assert refused('{"instances": [1, {"x": 2}]}') == (
        400,
        "Expecting value/list but got object at item 1 of input list",
    )


def test_instances_and_inputs_together_are_refused():
    status, message = refused('{"instances": [1], "inputs": [1]}')

    assert (status, message.endswith("expecting only one of 'inputs' or 'instances' keys to exist ")) == (400, True)


def test_a_type_that_json_cannot_give_is_not_implemented():
    assert refused('{"inputs": [1]}', {"x": "complex64"}) == (
        501,
        "Conversion of JSON Value: 1 to type: complex64",
    )


def test_a_long_value_is_cut_in_the_message():
    _, message = refused(json.dumps({"instances": "x" * 5000}))

    assert len(message) < 1200


@pytest.mark.parametrize("depth", [33, 70, 400, 900, 20_000])
@pytest.mark.parametrize(
    "form", ['{{"instances": [{0}1{1}]}}', '{{"inputs": {0}1{1}}}', '{{"instances": [{{"b64": {0}1{1}}}]}}']
)
def test_absurd_depth_is_refused_and_breaks_nothing(form, depth):
    body = form.format("[" * depth, "]" * depth)
    for dtype in ("float", "string", "int32"):
        with pytest.raises(ServingStatusError):
            read(body, {"x": dtype})


def test_tensors_of_many_dimensions_are_read():
    assert read('{"inputs": ' + "[" * 31 + "1" + "]" * 31 + "}", ONE_FLOAT).tensors["x"].ndim == 31


def test_a_number_of_absurd_length_is_refused_in_tensorflow_servings_words():
    with pytest.raises(ServingStatusError, match="Number too big to be stored in double"):
        read('{"inputs": ' + "1" * 5000 + "}", ONE_FLOAT)


@pytest.mark.parametrize("dtype", ["float", "double"])
def test_a_number_beyond_a_double_is_an_error_of_the_request(dtype) -> None:
    with pytest.raises(ServingStatusError, match="Number too big to be stored in double"):
        read('{"instances": [1, ' + "1" * 400 + "]}", {"x": dtype})


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" * 400 + ".5"])
@pytest.mark.parametrize("dtype", ["float", "double"])
def test_a_number_beyond_a_double_is_no_infinity(dtype, number) -> None:
    """Python reads one; whoever means it writes Infinity."""
    with pytest.raises(ServingStatusError, match="Number too big to be stored in double"):
        read(f'{{"instances": [1.5, {number}]}}', {"x": dtype})
    assert read('{"instances": [1.5, -Infinity]}', {"x": dtype}).tensors["x"].tolist() == [1.5, -math.inf]


@pytest.mark.parametrize(
    ("body", "offset"),
    [
        (r'{"instances": ["\ud83d"]}', 16),
        (r'{"instances": ["\ud83d\ud83d"]}', 16),
        (r'{"instances": ["\uD83D \uDE00"]}', 16),
        (r'{"instances": ["\ude00"]}', 16),
        (r'{"signature_name": "é\\\ud83d", "instances": [1]}', 24),
        (r'{"\ud83d\n": [1]}', 2),
        (r'["\ud83d"]', 2),
        (r'{"instances": ["\ud83d", ]}', 16),
    ],
)
def test_half_of_a_character_is_an_error_of_the_request(body, offset) -> None:
    with pytest.raises(ServingStatusError) as caught:
        read(body, {"x": "string"})
    assert caught.value.message == f"JSON Parse error: The surrogate pair in string is invalid. at offset: {offset}"


@pytest.mark.parametrize(
    ("text", "value"), [(r"\ud83d\ude00", "\U0001f600"), (r"\\ud83d", "\\ud83d"), (r"\ud7ff\ue000", "\ud7ff\ue000")]
)
def test_whole_characters_and_texts_that_only_look_like_escapes_are_taken(text, value) -> None:
    assert read(f'{{"instances": ["{text}"]}}', {"x": "string"}).tensors["x"].tolist() == [value.encode()]
