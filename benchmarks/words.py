"""What is written on benchmark pages: the name, its near-misses, identifiers, and neighbours that look alike.

Self-contained on purpose: the truth of the benchmark does not come from the spelling rules of the product.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Final

import attrs

__all__ = ["IDENTIFIERS", "KINDS", "NAME", "NEIGHBOURS", "SERVICES", "Word", "correct", "identifiers", "misspelled"]

NAME: Final = "ElastiCache"

Writer = Callable[[str, random.Random, float], str]
"""Writes a name wrong: the name, what decides, height of a capital in pixels."""

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
_ALIKE: Final[dict[str, str]] = {
    "g": "q",
    "q": "g",
    "n": "m",
    "r": "t",
    "u": "w",
    "v": "w",
    "f": "t",
    "h": "k",
    "o": "a",
    "e": "a",
}
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


def identifiers(name: str = NAME) -> tuple[str, ...]:
    """Return code, addresses and names of resources that hold a name in small letters."""
    return tuple(text.replace(NAME.lower(), name.lower()) for text in IDENTIFIERS)


def correct(rng: random.Random, *, name: str = NAME, prefix_share: float = 0.4, caps_share: float = 0.08) -> Word:
    """Write a name as it should be, now and then in capitals."""
    caps = rng.random() < caps_share
    return Word(word=name.upper() if caps else name, kind=None, prefix=_prefix(rng, prefix_share, caps=caps))


def misspelled(
    rng: random.Random,
    *,
    cap_px: float,
    case_contrast: float,
    name: str = NAME,
    kind: str | None = None,
    prefix_share: float = 0.4,
) -> Word:
    """Write a name wrong, in a way that a person sees at this size.

    Args:
        rng: Decides all.
        cap_px: Height of a capital, pixels of the finished picture.
        case_contrast: 1 - height of small letters / height of capitals: below 1.6 px of difference case is not judged.
        name: The name.
        kind: One of KINDS; None draws one.
        prefix_share: How often "Amazon" or "AWS" precedes.
    """
    judge_case = cap_px * case_contrast >= 1.6
    if kind is None:
        kind = rng.choices(KINDS, weights=(4, 4, 3, 2, 2, 2, 2, 1, 1))[0]
    if kind in {"lowercase_c", "case"} and not judge_case:
        kind = "extra_c"
    word = (_WRITERS if name == NAME else _WRITERS_OF_ANY)[kind](name, rng, cap_px)
    if kind == "case" and cap_px < _FINE_FROM_PX:
        word = name[0].lower() + name[1:]
    if kind == "split" and not judge_case:
        word = re.sub(" [a-z]", lambda found: found[0].upper(), word)
    return Word(word=word, kind=kind, prefix=_prefix(rng, prefix_share, caps=kind == "caps_wrong"))


def _prefix(rng: random.Random, share: float, *, caps: bool) -> str:
    if rng.random() >= share:
        return ""
    prefix = rng.choice(_PREFIXES)
    return prefix.upper() if caps else prefix


def _missing(name: str, rng: random.Random, _: float) -> str:
    at = rng.randrange(_FIRST, len(name))
    return name[:at] + name[at + 1 :]


def _doubled(name: str, rng: random.Random, _: float) -> str:
    at = rng.randrange(_FIRST, len(name))
    return name[: at + 1] + name[at:]


def _wrong(name: str, rng: random.Random, cap_px: float) -> str:
    at = rng.randrange(_FIRST, len(name))
    choices = _PLAIN.get(name[at]) or _others(name[at])
    choices += _FINE.get(name[at], "") if cap_px >= _FINE_FROM_PX else ""
    return name[:at] + rng.choice(choices) + name[at + 1 :]


def _others(letter: str) -> str:
    """Return letters of the same case that nobody takes for a letter."""
    others = "".join(other for other in "agkmstw" if other not in letter.lower() + _ALIKE.get(letter.lower(), ""))
    return others.upper() if letter.isupper() else others


def _swapped(name: str, rng: random.Random, _: float) -> str:
    while True:
        at = rng.randrange(_FIRST, len(name) - 1)
        if name[at].lower() != name[at + 1].lower():
            return name[:at] + name[at + 1] + name[at] + name[at + 2 :]


def _seam(name: str) -> int:
    """Return where the second word of a name begins, 6 of ``ElastiCache``; 0 where it is one word."""
    return next((at for at in range(1, len(name)) if name[at].isupper() and name[at - 1].islower()), 0)


def _with_whole_word(name: str, rng: random.Random, cap_px: float) -> str:
    """Give the first word the letter that the second begins with; ``GithHub``."""
    seam = _seam(name)
    return name[:seam] + name[seam].lower() + name[seam:] if seam else _doubled(name, rng, cap_px)


def _flat(name: str, rng: random.Random, cap_px: float) -> str:
    flat = name[0] + name[1:].lower()
    return flat if flat != name else _missing(name, rng, cap_px)


def _split(name: str, rng: random.Random, cap_px: float) -> str:
    seam = _seam(name)
    return f"{name[:seam]} {name[seam:]}" if seam else _swapped(name, rng, cap_px)


def _recased(name: str, rng: random.Random, _: float) -> str:
    at = rng.randrange(_FIRST, len(name))
    while not name[at].islower():
        at -= 1
    return rng.choice((name[0].lower() + name[1:], name[:at] + name[at].upper() + name[at + 1 :]))


def _caps_wrong(name: str, rng: random.Random, cap_px: float) -> str:
    return rng.choice((_missing, _doubled, _swapped, _wrong))(name, rng, cap_px).upper()


_WRITERS_OF_ANY: Final[dict[str, Writer]] = {
    "extra_c": _with_whole_word,
    "lowercase_c": _flat,
    "split": _split,
    "missing_letter": _missing,
    "doubled_letter": _doubled,
    "wrong_letter": _wrong,
    "swapped_letters": _swapped,
    "case": _recased,
    "caps_wrong": _caps_wrong,
}
"""Of any other name, each kind in that name's own way; a name of one word, which cannot have them all, has another."""
_WRITERS: Final[dict[str, Writer]] = {
    **_WRITERS_OF_ANY,
    "extra_c": lambda _name, rng, _px: rng.choice(("ElasticCache", "ElasticCache", "Elasticcache")),
    "lowercase_c": lambda _name, _rng, _px: "Elasticache",
    "split": lambda _name, rng, _px: rng.choice(_SPLITS),
    "case": lambda _name, rng, _px: rng.choice(_CASES),
    "caps_wrong": lambda _name, rng, _px: rng.choice(_CAPS_WRONG),
}
"""Of ElastiCache, as people write it."""
