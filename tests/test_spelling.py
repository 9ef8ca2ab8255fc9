"""The rules of spelling, on text alone."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elasticache_police.dataset.near_misses import near_miss
from elasticache_police.errors import ConfigurationError
from elasticache_police.findings import Kind
from elasticache_police.spelling import check_name, distance, kind_of, occurrences, word_starts


def verdicts(line: str, **options: bool) -> list[tuple[str, str | None]]:
    return [
        (one.text, None if one.kind is None else one.kind.value)
        for one in occurrences(line, **options)
        if not one.identifier and not one.cut
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Amazon ElastiCache for Redis", [("ElastiCache", None)]),
        ("Amazon ElasticCache", [("ElasticCache", "extra_letter")]),
        ("Amazon Elasticache", [("Elasticache", "case")]),
        ("Elastic Cache", [("Elastic Cache", "extra_letter")]),
        ("Elasti Cache", [("Elasti Cache", "split")]),
        ("Elasti-Cache", [("Elasti-Cache", "split")]),
        ("ElastiCach", [("ElastiCach", "missing_letter")]),
        ("ElastiCahce", [("ElastiCahce", "swapped_letters")]),
        ("ElastlCache", [("ElastlCache", "wrong_letter")]),
        ("ElastICache", [("ElastICache", "case")]),
        ("EIastiCache", [("ElastiCache", None)]),
        ("ELASTlCACHE", [("ELASTICACHE", None)]),
        ("ELASTICACHE", [("ELASTICACHE", None)]),
        ("ELASTICCACHE", [("ELASTICCACHE", "extra_letter")]),
        ("ELAsTIcACHE", [("ELASTICACHE", None)]),
        ("elasticache", [("elasticache", "case")]),
        ("(ElastiCache)", [("ElastiCache", None)]),
        ("ElasticCache-Redis", [("ElasticCache", "extra_letter")]),
        ("ElastiCache□□", [("ElastiCache", None)]),
        ("AmazonElasticCache", [("ElasticCache", "extra_letter")]),
        ("AWSElasticCache", [("ElasticCache", "extra_letter")]),
        ("DynamoDBElastiCahce", [("ElastiCahce", "swapped_letters")]),
        ("VPCElastiCache", [("ElastiCache", None)]),
        ("EElastiCache", [("EElastiCache", "extra_letter")]),
        ("ElastiCacheClient", [("ElastiCache", None)]),
        ("AWSElastiCacheSG", [("ElastiCache", None)]),
        ("ElasticacheClient", [("Elasticache", "case")]),
        ("ElastiCacheA", [("ElastiCache", None)]),
        ("ElastiCacheS", [("ElastiCacheS", "extra_letter")]),
        ("ElastiCache2", [("ElastiCache", None)]),
        ("Use ElasticCache, ElastiCache", [("ElasticCache", "extra_letter"), ("ElastiCache", None)]),
    ],
)
def test_occurrences_are_found_and_their_kind_named(line: str, expected: list[tuple[str, str | None]]) -> None:
    assert verdicts(line) == expected


@pytest.mark.parametrize("between", [", ", ". ", " / ", "/", " | ", " & ", " + ", ": ", " (", "\t", "; ", "□"])
def test_two_words_with_more_than_a_space_between_are_two_words(between: str) -> None:
    assert verdicts(f"Elastic{between}Cache") == []
    assert verdicts(f"the Elasti{between}Cache here") == []


@pytest.mark.parametrize(
    "line",
    [
        "elastic_cache",
        "__elasticache__",
        "elasticache_",
        "ELASTIC_CACHE_URL=redis://x",
        "ELASTICCACHE_URL",
        "const elastiCacheClient = 1",
        "const elastiCache = 1",
        "elastiCache.createCacheCluster(params)",
        "await elastiCache.send()",
        "elastiCacheSubnetGroup",
        "(elastiCache)",
        "modules/elastIcache/main.tf",
        "my-elastlCache-cluster",
    ],
)
def test_names_in_programs_are_left_alone(line: str) -> None:
    assert verdicts(line) == []


def test_a_small_first_letter_in_prose_is_wrong() -> None:
    assert verdicts("Amazon elastiCache now") == [("elastiCache", "case")]
    assert verdicts("We like elastiCache.") == [("elastiCache", "case")]
    assert verdicts("RDS / elastiCache / S3") == [("elastiCache", "case")]


def test_a_stroke_between_two_words_makes_no_name_of_them() -> None:
    assert verdicts("ElasticICache Redis") == verdicts("Elastic lCache") == []
    assert verdicts("ElastilCache") == [("ElastilCache", "extra_letter")]


def test_the_short_form_of_a_name_is_another_name() -> None:
    assert occurrences("Postgres", ["PostgreSQL"]) == []
    assert [one.kind for one in occurrences("PostgresQL", ["PostgreSQL"])] == [Kind.CASE]


@pytest.mark.parametrize(
    "line",
    [
        "Elasticsearch",
        "Elastic Beanstalk",
        "Elastic Load Balancing",
        "Cache",
        "an elastic cache keeps data",
        "elasticity and caches",
        "ElasticNet",
        "",
        "   ",
    ],
)
def test_neighbours_that_look_alike_are_no_occurrences(line: str) -> None:
    assert occurrences(line) == []


@pytest.mark.parametrize(
    "line",
    [
        "arn:aws:elasticache:us-east-1",
        "my.elasticache.amazonaws.com",
        'boto3.client("elasticache")',
        "aws elasticache describe-cache-clusters",
        "prod-elasticache",
        "elasticache_cluster",
        "import elasticache",
        "/dev/elasticcache/",
        "elasticache2",
        "elast-Cache-1r7ie5",
    ],
)
def test_identifiers_are_never_judged(line: str) -> None:
    assert verdicts(line) == []
    assert any(one.identifier for one in occurrences(line))


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("Amazon ElastiCac", {"cut_right": True}),
        ("astiCache for Redis", {"cut_left": True}),
        ("Amazon ElastiCa...", {}),
    ],
)
def test_a_name_cut_by_the_picture_is_not_accused(line: str, options: dict[str, bool]) -> None:
    assert verdicts(line, **options) == []


def test_a_whole_name_at_the_edge_is_judged() -> None:
    assert verdicts("Elastic Cache", cut_right=True) == [("Elastic Cache", "extra_letter")]
    assert verdicts("ElastiCache", cut_right=True) == [("ElastiCache", None)]


@pytest.mark.parametrize("name", ["", "ab", "Elasti\nCache", "x" * 41, "Caché", " Redis", "a  b"])
def test_names_that_cannot_be_policed_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot police"):
        check_name(name)


def test_short_names_are_judged_for_case_only() -> None:
    assert [one.kind for one in occurrences("aws Aws AWX", ["AWS"])] == [Kind.CASE, Kind.CASE]


@pytest.mark.parametrize("line", ["AWSGateway", "PAPIGateway", "APIGatewayClient", "AWSAPIGateway"])
def test_capitals_at_the_start_of_a_name_are_not_told_from_an_abbreviation_before_it(line: str) -> None:
    found = occurrences(line, ["APIGateway"])
    assert [one.kind for one in found if one.text == "APIGateway"] == [None] * (line == "APIGatewayClient")


def test_several_names_are_found_in_one_line() -> None:
    found = occurrences("Github calls CloudFormation", ["GitHub", "CloudFormation"])
    assert [(one.text, one.name, one.kind) for one in found] == [
        ("Github", "GitHub", Kind.CASE),
        ("CloudFormation", "CloudFormation", None),
    ]


words = st.text(alphabet="abcdeEC", max_size=8)


@given(words, words, words)
def test_distance_is_symmetric_and_bounded(a: str, b: str, c: str) -> None:
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)
    assert abs(len(a) - len(b)) <= distance(a, b) <= max(len(a), len(b))
    assert distance(a + c, b + c) <= distance(a, b)


@given(st.integers(0, 10**9))
def test_every_near_miss_that_is_drawn_is_recognised_as_one(seed: int) -> None:
    miss = near_miss("ElastiCache", random.Random(seed))
    assert miss.text != "ElastiCache"
    assert kind_of(miss.text, "ElastiCache") is not None
    found = occurrences(f"Amazon {miss.text} for Redis")
    assert [one.kind is not None for one in found] == [True]


@given(st.text(max_size=60))
def test_any_line_is_survived_and_occurrences_do_not_overlap(line: str) -> None:
    found = occurrences(line, ["ElastiCache", "GitHub"])
    assert all(0 <= one.start < one.stop <= len(line) for one in found)
    assert all(a.stop <= b.start for a, b in itertools.pairwise(found))


@pytest.mark.parametrize(
    ("line", "cut_left", "cut_right", "cut"),
    [
        ("Amazon ElastiCac", False, True, True),
        ("Amazon ElastiCac |", False, True, True),  # what is left of the h
        ("Amazon ElastiCac now", False, True, False),
        ("Amazon ElastiCac", False, False, False),
        ("lastiCache for", True, False, True),
        ("( lastiCache for", True, False, True),  # what is left of the E
        ("of lastiCache", True, False, False),
        ("Amazon ElasticCache", True, True, False),  # nothing missing: a misspelling wherever it stands
    ],
)
def test_a_name_that_the_pictures_edge_cuts_is_no_misspelling(line: str, *, cut_left: bool, cut_right: bool, cut: bool):
    (found,) = occurrences(line, cut_left=cut_left, cut_right=cut_right)
    assert found.cut is cut


@pytest.mark.parametrize(
    ("name", "starts"),
    [("ElastiCache", [6]), ("PostgreSQL", [7]), ("AWSLambda", []), ("Kubernetes", []), ("A b C", [4])],
)
def test_a_word_starts_at_a_capital_after_none(name: str, starts: list[int]) -> None:
    assert word_starts(name) == starts
