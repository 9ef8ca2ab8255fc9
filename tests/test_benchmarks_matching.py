"""The peers' fuzzy match is fair: it finds what a careful user's would, and keeps the rules of the house."""

from __future__ import annotations

import pytest
from benchmarks.matching import distance, matches, to_findings, verdict_of_line


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Amazon ElastiCache for Redis", "correct"),
        ("AMAZON ELASTICACHE", "correct"),
        ("AmazonElastiCache", "correct"),
        ("AmazonElasticCache", "misspelled"),
        ("the elasticachet", "misspelled"),
        ("noelasticache", "unread"),
        ("Amazon ElasticCache", "misspelled"),
        ("Elasticache", "misspelled"),
        ("Elastic Cache", "misspelled"),
        ("Elasti Cache cluster", "misspelled"),
        ("ELASTICCACHE", "misspelled"),
        ("EiastiCache", "misspelled"),
        ("ElastiCache-Redis", "correct"),
        ("ElastiCachee", "misspelled"),
        ("ELASTICACHEE", "misspelled"),
        ("ElastiCachefor Redis", "correct"),
        ("ElastiCache가", "correct"),
        ("arn:aws:elasticache:us-east-1", "unread"),
        ('boto3.client("elasticache")', "unread"),
        ("Elasticsearch, Elastic Beanstalk", "unread"),
        ("", "unread"),
    ],
)
def test_a_line_is_judged(text: str, verdict: str) -> None:
    assert verdict_of_line(text) == verdict


def test_both_names_of_a_line_are_found_where_they_stand() -> None:
    assert matches("ElastiCache or ElasticCache") == [(0, 11, "correct"), (15, 27, "misspelled")]


def test_a_box_is_shared_out_by_characters() -> None:
    assert to_findings([("ab ElastiCache", (10.0, 5.0, 150.0, 25.0))]) == [
        {"box": [40.0, 5.0, 150.0, 25.0], "verdict": "correct", "reading": "ElastiCache"}
    ]


@pytest.mark.parametrize(
    ("a", "b", "edits"), [("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3), ("ab", "ba", 2)]
)
def test_edit_distance(a: str, b: str, edits: int) -> None:
    assert distance(a, b) == distance(b, a) == edits


@pytest.mark.parametrize(
    ("text", "verdicts"),
    [
        ("on GitHub now", ["correct"]),
        ("GITHUB and Github", ["correct", "misspelled"]),
        ("Git Hub, GitHhub", ["misspelled", "misspelled"]),
        ("my-github-runner", []),
        ("Gathub of Giant Hugs", ["misspelled"]),  # one edit for so short a name
        ("Goathub", []),
        ("GtiHub, GitHbu", ["misspelled", "misspelled"]),
    ],
)
def test_another_name_is_matched_alike(text: str, verdicts: list[str]) -> None:
    assert [verdict for _, _, verdict in matches(text, "GitHub")] == verdicts
