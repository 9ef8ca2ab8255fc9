"""What is written on benchmark pages: the name, its near-misses, identifiers, and neighbours that look alike.

Self-contained on purpose: the truth of the benchmark does not come from the spelling rules of the product.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import attrs

__all__ = ["IDENTIFIERS", "KINDS", "NAME", "NEIGHBOURS", "SERVICES", "Word", "correct", "misspelled"]

NAME: Final = "ElastiCache"

KINDS: Final[tuple[str, ...]] = (
    "extra_c",
    "lowercase_c",
    "split",
    "missing_letter",
    "doubled_letter",
    "wrong_letter",
    "swapped_letters",
    "case",
    "caps_wrong",
)
"""Kinds of near-miss, all drawn equally often on crops; extra_c and lowercase_c, as in life, more often on pages."""

NEIGHBOURS: Final[tuple[str, ...]] = (
    "Elasticsearch", "Elastic Beanstalk", "Elastic Load Balancing", "Elastic Load Balancer", "ElasticNet",
    "Elastic IP", "Elastic Stack", "Elastic Block Store", "Elastic File System", "Elastic Network Interface",
    "Elastic Inference", "Elastic Transcoder", "Elastic MapReduce", "Elastic Container Service", "Elastic", "Cache",
    "Cache cluster", "Cache hit", "Cache-aside", "Local cache", "CloudFront", "Edge Cache", "Elasticity",
    "Elastic cluster", "MemoryDB", "Memcached", "Plastic", "DNS cache", "Replication", "Application", "Elastic pool",
)  # fmt: skip
"""Neighbours that look alike and are right: any finding on them is a false alarm."""

SERVICES: Final[tuple[str, ...]] = (
    "Amazon EC2", "Amazon S3", "Amazon RDS", "AWS Lambda", "Amazon SQS", "Amazon SNS", "Amazon Aurora", "DynamoDB",
    "Route 53", "API Gateway", "Amazon ECS", "AWS Fargate", "Amazon EKS", "AWS WAF", "Kinesis", "CloudWatch",
    "AWS KMS", "Step Functions", "Redis", "Valkey", "NAT Gateway", "Internet Gateway", "Web tier", "App server",
    "Amazon Cognito", "Secrets Manager", "EventBridge", "Users", "Worker", "Auto Scaling group", "Bastion host",
)  # fmt: skip

IDENTIFIERS: Final[tuple[str, ...]] = (
    "arn:aws:elasticache:us-east-1:123456789012:cluster:web",
    "elasticache.us-east-1.amazonaws.com",
    'boto3.client("elasticache")',
    "aws elasticache describe-cache-clusters",
    "from aws_cdk import aws_elasticache as cache",
    "modules/elasticache/main.tf",
    "my-elasticache-cluster",
    "demo-elasticache.abc123.0001.use1.cache.amazonaws.com:6379",
    "aws_elasticache_replication_group.main",
    "import * as elasticache from 'aws-cdk-lib/aws-elasticache';",
    "github.com/aws/aws-sdk-go/service/elasticache",
    "sg-elasticache-prod",
    "elasticache:DescribeCacheClusters",
    "s3://backup-bucket/elasticache/2024/",
)
"""Code, addresses and names of resources: all lower case, never wrong."""

# Replacements that a person tells from the right letter at a glance, at any size.
_PLAIN: Final[dict[str, str]] = {
    "l": "mow", "a": "uilt", "s": "mlpb", "t": "smpo", "i": "aoum", "C": "BTKM", "c": "kstp", "h": "sogm", "e": "lytp",
}  # fmt: skip
# Finer ones, for sizes at which they show.
_FINE: Final[dict[str, str]] = {"a": "eo", "i": "e", "C": "GKS", "c": "es", "e": "aio", "s": "zc", "t": "fd", "h": "n"}
_FINE_FROM_PX: Final = 12.0
_CASES: Final = (
    "elastiCache",
    "ELastiCache",
    "ElastiCAche",
    "ElAstiCache",
    "ElasTiCache",
    "elastIcache",
    "ElastIcache",
)
_SPLITS: Final = ("Elastic Cache", "Elasti Cache", "Elastic cache", "Elasti cache")
_CAPS_WRONG: Final = (
    "ELASTICCACHE", "ELASTIC CACHE", "ELASTCACHE", "ELASTICAHCE", "ELASTICACE", "ELASTACACHE", "ELASSTICACHE",
    "ELASTICCACHE", "ELASTICCACHE",
)  # fmt: skip
_PREFIXES: Final = ("Amazon", "Amazon", "Amazon", "AWS")
_FIRST: Final = 1  # the first letter stays: without it a word is hardly the name any more


@attrs.frozen(kw_only=True)
class Word:
    """One writing of the name."""

    word: str
    """As written, right or wrong."""
    kind: str | None
    """One of KINDS; None when it is right."""
    prefix: str
    """``Amazon``, ``AWS`` or nothing."""

    @property
    def text(self) -> str:
        """With its prefix, on one line."""
        return f"{self.prefix} {self.word}" if self.prefix else self.word

    @property
    def verdict(self) -> str:
        """``correct`` or ``misspelled``."""
        return "correct" if self.kind is None else "misspelled"


def correct(rng: random.Random, *, prefix_share: float = 0.4, caps_share: float = 0.08) -> Word:
    """Write the name as it should be, now and then in capitals."""
    caps = rng.random() < caps_share
    return Word(word=NAME.upper() if caps else NAME, kind=None, prefix=_prefix(rng, prefix_share, caps=caps))


def misspelled(
    rng: random.Random, *, cap_px: float, case_contrast: float, kind: str | None = None, prefix_share: float = 0.4
) -> Word:
    """Write the name wrong, in a way that a person sees at this size.

    Args:
        rng: Decides all.
        cap_px: Height of a capital, pixels of the finished picture.
        case_contrast: 1 - height of small letters / height of capitals: below 1.6 px of difference case is not judged.
        kind: One of KINDS; None draws one.
        prefix_share: How often "Amazon" or "AWS" precedes.
    """
    judge_case = cap_px * case_contrast >= 1.6
    if kind is None:
        kind = rng.choices(KINDS, weights=(4, 4, 3, 2, 2, 2, 2, 1, 1))[0]
    if kind in {"lowercase_c", "case"} and not judge_case:
        kind = "extra_c"
    word = _WRITERS[kind](rng, cap_px)
    if kind == "case" and cap_px < _FINE_FROM_PX:
        word = "elastiCache"
    if kind == "split" and not judge_case:
        word = word.replace(" c", " C")
    return Word(word=word, kind=kind, prefix=_prefix(rng, prefix_share, caps=kind == "caps_wrong"))


def _prefix(rng: random.Random, share: float, *, caps: bool) -> str:
    if rng.random() >= share:
        return ""
    prefix = rng.choice(_PREFIXES)
    return prefix.upper() if caps else prefix


def _missing(rng: random.Random, _: float) -> str:
    at = rng.randrange(_FIRST, len(NAME))
    return NAME[:at] + NAME[at + 1 :]


def _doubled(rng: random.Random, _: float) -> str:
    at = rng.randrange(_FIRST, len(NAME))
    return NAME[: at + 1] + NAME[at].lower() + NAME[at + 1 :] if NAME[at] != "C" else NAME[:at] + "CC" + NAME[at + 1 :]


def _wrong(rng: random.Random, cap_px: float) -> str:
    at = rng.randrange(_FIRST, len(NAME))
    choices = _PLAIN[NAME[at]] + (_FINE.get(NAME[at], "") if cap_px >= _FINE_FROM_PX else "")
    return NAME[:at] + rng.choice(choices) + NAME[at + 1 :]


def _swapped(rng: random.Random, _: float) -> str:
    at = rng.randrange(_FIRST, len(NAME) - 1)
    return NAME[:at] + NAME[at + 1] + NAME[at] + NAME[at + 2 :]


_WRITERS: Final[dict[str, Callable[[random.Random, float], str]]] = {
    "extra_c": lambda rng, _px: rng.choice(("ElasticCache", "ElasticCache", "Elasticcache")),
    "lowercase_c": lambda _rng, _px: "Elasticache",
    "split": lambda rng, _px: rng.choice(_SPLITS),
    "missing_letter": _missing,
    "doubled_letter": _doubled,
    "wrong_letter": _wrong,
    "swapped_letters": _swapped,
    "case": lambda rng, _px: rng.choice(_CASES),
    "caps_wrong": lambda rng, _px: rng.choice(_CAPS_WRONG),
}
