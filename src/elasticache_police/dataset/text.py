"""What is written on the samples: the policed name, its near-misses, and everything else.

A model that reads what it expects is the failure here. So near-misses are as frequent as the right name, and most other
words are invented: there is no language to lean on.
"""

from __future__ import annotations

import random
import string

import attrs

from elasticache_police.dataset.near_misses import garbled, near_miss
from elasticache_police.spelling import word_starts

__all__ = ["NameTexts", "filler"]

# Words that stand around product names on slides and diagrams. Few on purpose; most filler words are invented.
_WORDS = """
Amazon AWS for Redis Memcached Valkey cluster mode Cluster node nodes Node type cache Cache Caching replication
group Replica Primary Endpoint Reader shard Shards Multi-AZ VPC subnet Subnet Group Security EC2 S3 RDS SQS SNS ECS
EKS Lambda DynamoDB Aurora CloudFront CloudWatch CloudTrail Route 53 API Gateway Load Balancer Application Auto
Scaling IAM KMS Kinesis Firehose Athena Glue Redshift Neptune DocumentDB Step Functions Fargate Cognito WAF Shield
X-Ray Config GitLab Docker Nomad Terraform Jenkins MariaDB MySQL MongoDB Elasticsearch Kibana Logstash
Grafana Prometheus data Data store session Session user Users web Web server servers client request response latency
query read write in-memory memory database Database service Services region Availability Zone availability zone
private public the of to and with from in on is are your by Create Delete Modify Launch Settings Dashboard Parameter
Backup Snapshot Engine version
""".split()  # noqa: SIM905  read by people

# Neighbours that look like the name and are not: the finder and the reader must know them.
_LOOK_ALIKES = """
Elasticsearch|ElasticSearch|Elastic Beanstalk|Elastic Load Balancing|Elastic Load Balancer|Elastic IP|Elastic Network
|Elastic Block Store|Elastic File System|Elastic Container Service|ElasticNet|Elastic Stack|Elastic MapReduce|Elastic
|Elasticity|elasticity|Elastic Transcoder|Cache|Caches|CloudCache|Cache Cluster|Cache Nodes|Cached|Replication
|Application|Authentication|Classification|Elastic Cloud|Plastic Case|Statistic|Static Cache|Query Cache|ElasticPress
|Elastic GPU|Elastic Compute Cloud|Attached|ehCache|Ehcache|Elastic Inference|Memcache|Elastic Agent|Page Cache
""".replace("\n", "").split("|")

# Names of other products, for a reader that is to read any of them. Those that benchmarks.other_names asks for are not
# among them.
_PRODUCTS = """
DynamoDB CloudFront CloudWatch CloudTrail DocumentDB MemoryDB EventBridge CodePipeline CodeBuild AppSync QuickSight
Lightsail Redshift MongoDB MySQL MariaDB SQLite NoSQL CouchDB InfluxDB CockroachDB ClickHouse RabbitMQ ActiveMQ
JavaScript TypeScript GitLab Bitbucket WordPress YouTube PayPal PowerPoint LibreOffice OneDrive VMware OpenShift
OpenStack HashiCorp Terraform Elasticsearch IntelliJ PyTorch NumPy DevOps BigQuery LaTeX macOS iPhone jQuery SoundCloud
WhatsApp Databricks Snowflake Prometheus Cassandra Salesforce SharePoint BitLocker AirPlay FastAPI
""".split()  # noqa: SIM905  read by people

_TAILS = ("DB", "SQL", "MQ", "JS", "API", "AI", "OS", "ML", "QL", "IQ", "CI", "X")
"""What a product's name may end in besides a word."""

_SYLLABLES = """
a e i o u la le ti to ca che sti ra ri ne no se si ta te tic as es is us al el il ic ac ec ha he ho st tr cl ch ck
ss cc ll tt ma mi mo pa pe po be bo du fi fa ga go ju ka ki lo lu nu qu ro ru sa so su va vi vo wa we xi ya yo za zi
pre con pro ing ion
ill lli ili iti lil tti itt til
""".split()  # noqa: SIM905  read by people

_STROKES = ("/", " / ", "|", "|RDS", " | ", "!", "]", "\\", " i", "/S3")
"""What stands after a name and is easily taken for one letter more."""

_NARROW_SOUP, _WIDE_SOUP = "iiilltttjfrI1", "acehsonzmECAS"
"""Letters of invented words in which the narrow ones stand in any order: to tell them takes looking, not guessing."""

_CJK = (
    "日本語東京構成図可用性設定画面接続情報利用者管理高速処理分散環境"
    "データベースクラスターノードをはがのにキャッシュ使用作成確認変更削除"
)
_HANGUL = "가능한서버리스값을생성합니다현재에서사용할수있는기본캐시관리서비스이름설정및노드는데이터베이스보안그룹"


_IN_CAPITALS = 0.22
"""Share of garbled names in capitals throughout."""


def _syllables(rng: random.Random, least: int, most: int) -> str:
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(least, most)))


def _product(rng: random.Random) -> str:
    """Return the name of another product, every other time one that there is none of."""
    if rng.random() < 0.5:
        return rng.choice(_PRODUCTS)
    first, last = _syllables(rng, 2, 3), _syllables(rng, 2, 3)
    style = rng.random()
    if style < 0.25:
        return (first + last).capitalize()
    return first.capitalize() + (last.capitalize() if style < 0.75 else rng.choice(_TAILS))


def _invented(rng: random.Random) -> str:
    word = _syllables(rng, 1, 4)
    style = rng.random()
    if style < 0.35:
        return word
    if style < 0.65:
        return word.capitalize()
    if style < 0.8:
        return word.capitalize() + _syllables(rng, 1, 3).capitalize()
    if style < 0.88:
        return word.upper()
    if style < 0.94:
        return "".join(
            rng.choice(_NARROW_SOUP if rng.random() < 0.65 else _WIDE_SOUP) for _ in range(rng.randint(3, 11))
        )
    return "".join(rng.choice(string.ascii_letters) for _ in range(rng.randint(2, 9)))


def _token(rng: random.Random, *, digits: bool, punctuation: bool) -> str:
    style = rng.random()
    if digits and style < 0.12:
        return rng.choice(
            [
                str(rng.randint(0, 9999)),
                f"{rng.randint(0, 255)}.{rng.randint(0, 255)}.0.0/16",
                f"{rng.choice('abcrtm')}{rng.randint(3, 7)}.large",
                f"{rng.randint(0, 99)}%",
                f"v{rng.randint(1, 9)}.{rng.randint(0, 9)}",
                "".join(rng.choice(string.hexdigits) for _ in range(rng.randint(3, 10))),
            ]
        )
    if punctuation and style < 0.26:
        word = _invented(rng)
        return rng.choice(
            [
                f"({word})",
                f"{word},",
                f"{word}.",
                f"{word}:",
                f'"{word}"',
                f"{word}-{_invented(rng)}",
                f"{word}_{_invented(rng)}",
                f"'{word}'",
                f"{word}/{_invented(rng)}",
                f"[{word}]",
                f"<{word}>",
                f"{word}@{word}.com",
                f"{word}={rng.randint(0, 99)}",
                f"{word};",
                f"{{{word}}}",
                "&",
                "-",
                "+",
                "|",
                "->",
                "*",
                f"#{word}",
                f"${word}",
                f"{word}!",
                f"{word}?",
                f"~{word}",
                f"^{word}`",
                f"\\{word}",
            ]
        )
    if style < 0.55:
        return rng.choice(_WORDS)
    return _invented(rng)


def filler(rng: random.Random, *, digits: bool = True, punctuation: bool = True, words: int | None = None) -> str:
    """Return a phrase that does not hold the name.

    Args:
        rng: The sample's own generator.
        digits: Whether digits may occur (the font has them).
        punctuation: Whether punctuation may occur.
        words: How many words; 1 to 6 when not given.
    """
    count = words if words is not None else rng.choice([1, 1, 2, 2, 3, 4, 5, 6])
    return " ".join(_token(rng, digits=digits, punctuation=punctuation) for _ in range(count))


@attrs.frozen(kw_only=True)
class NameTexts:
    """Draws lines of text for the samples of some names.

    A drawn line is the text and the spans ``(start, stop)`` in it that a finder must find: the name or a near-miss.
    """

    names: tuple[str, ...]
    garbled_share: float = 0.1
    """Share of names of which so many letters may be others that they are near-misses no more.

    The finder needs few of them. To the reader they say that any letter can stand after any other: with few, it learned
    to read what it expected.
    """

    others_share: float = 0.0
    """Share of names that are other products' instead, right or wrong in the same ways, so that a reader reads any name
    as well. A finder is to know the name from others, and needs none."""

    def written(self, rng: random.Random, *, digits: bool = True) -> str:
        """Return the name as somebody may have written it: right in a fifth to a third of all cases.

        Args:
            rng: The sample's own generator.
            digits: Whether a digit may stand for a letter (the font has them).
        """
        made = self._written(rng)
        while not digits and any(character.isdigit() for character in made):
            made = self._written(rng)
        return made

    def _written(self, rng: random.Random) -> str:
        other = self.others_share and rng.random() < self.others_share
        name = _product(rng) if other else rng.choice(self.names)
        style = rng.random()
        if rng.random() < self.garbled_share:
            letters = garbled(name, rng)
            return letters.upper() if style < _IN_CAPITALS else letters
        if style < 0.24:
            return name
        if style < 0.29:
            return name.upper()
        if style < 0.35:
            return near_miss(name, rng).text.upper()
        return near_miss(name, rng).text

    def with_name(
        self, rng: random.Random, *, digits: bool, punctuation: bool, foreign: bool
    ) -> tuple[str, list[tuple[int, int]]]:
        """Return a line that holds the name, right or wrong, once or twice, or an identifier made of it."""
        if punctuation and rng.random() < 0.07:
            return self._identifier(rng)
        name = self.written(rng, digits=digits)
        before = rng.choice(["", "", "", "Amazon ", "Amazon ", "AWS ", "@", "w"])
        if before == "@":
            before = filler(rng, digits=digits, punctuation=punctuation, words=rng.randint(1, 3)) + " "
        elif before == "w":
            before = rng.choice(["(", '"', "- ", "using ", "Use "]) if punctuation else "using "
        after = rng.choice(["", "", "", "", " for Redis", " for Memcached", "@", "@", "p"])
        if after == "@":
            after = " " + filler(rng, digits=digits, punctuation=punctuation, words=rng.randint(1, 3))
        elif after == "p":
            after = (
                rng.choice([",", ".", ")", ":", "-Redis", "'s node", " (Redis)", "/Redis", "...", '"', *_STROKES])
                if punctuation
                else ""
            )
        if foreign and rng.random() < 0.4:
            letters = rng.choice([_CJK, _HANGUL])
            before = "".join(rng.choice(letters) for _ in range(rng.randint(1, 5))) + rng.choice(["", " "])
            after = rng.choice(["", " "]) + "".join(rng.choice(letters) for _ in range(rng.randint(1, 6)))
        spans = [(len(before), len(before) + len(name))]
        text = before + name + after
        if rng.random() < 0.06:
            other = self.written(rng, digits=digits)
            text += rng.choice([" ", " and ", ", ", "/", " -> "]) if punctuation else " and "
            spans.append((len(text), len(text) + len(other)))
            text += other
        return text, spans

    def broken(self, rng: random.Random) -> list[tuple[str, list[tuple[int, int]]]]:
        """Return lines over which a name is broken, made two words: ``Amazon Elastic`` above ``Cache cluster``.

        Half of the time they are of other words instead, such as ``Elastic`` above ``Beanstalk``, without a span.
        """
        name = rng.choice(self.names)
        breaks = word_starts(name)
        if not breaks or rng.random() < 0.5:
            words = rng.choice([phrase for phrase in _LOOK_ALIKES if " " in phrase]).split()
            return [(word, []) for word in rng.choice([words, words, words[::-1]])]
        seam = rng.choice(breaks)
        above, below = name[:seam] + name[seam].lower(), name[seam:]
        if rng.random() < 0.15:
            above, below = above.upper(), below.upper()
        before = rng.choice(["", "", "Amazon ", "AWS "])
        after = rng.choice(["", "", "", " cluster", " for Redis", " (Redis)"])
        lines = [
            (before + above, [(len(before), len(before) + len(above))]),
            (below + after, [(0, len(below))]),
        ]
        if before and rng.random() < 0.4:
            lines[:1] = [(before.strip(), []), (above, [(0, len(above))])]
        if rng.random() < 0.3:
            lines.append((rng.choice(["for Redis", "Memcached", "cluster", "(primary)", "Redis 7", "Valkey"]), []))
        return lines

    def _identifier(self, rng: random.Random) -> tuple[str, list[tuple[int, int]]]:
        name = rng.choice(self.names).lower()
        if rng.random() < 0.3:
            name = near_miss(name, rng).text.lower()
        word = rng.choice(["my", "prod", "redis", "dev", "app", _invented(rng).lower()])
        before, after = rng.choice(
            [
                ("arn:aws:", ":us-east-1:123456789012:cluster"),
                (word + ".", ".us-east-1.amazonaws.com"),
                ('boto3.client("', '")'),
                ("aws ", " describe-cache-clusters"),
                ("", "-" + word),
                (word + "-", ""),
                (word + "_", "_" + word),
                ("", "." + word),
                ("https://docs/", "/" + word),
                ("import ", ""),
                ("", ":" + word),
                ("'", "'"),
                ("/" + word + "/", ""),
            ]
        )
        return before + name + after, [(len(before), len(before) + len(name))]

    def without_name(
        self, rng: random.Random, *, digits: bool, punctuation: bool, foreign: bool
    ) -> tuple[str, list[tuple[int, int]]]:
        """Return a line without the name: look-alikes, words, invented words, identifiers, other scripts."""
        style = rng.random()
        if style < 0.22:
            text = rng.choice(_LOOK_ALIKES)
            if rng.random() < 0.4:
                text = rng.choice(["Amazon ", "AWS ", "Amazon ", "the "]) + text
            if rng.random() < 0.3:
                text += " " + filler(rng, digits=digits, punctuation=punctuation, words=1)
            return text, []
        if foreign and style < 0.35:
            letters = rng.choice([_CJK, _HANGUL])
            words = ["".join(rng.choice(letters) for _ in range(rng.randint(1, 8))) for _ in range(rng.randint(1, 3))]
            words.insert(rng.randrange(len(words) + 1), _invented(rng))
            return rng.choice(["", " "]).join(words), []
        return filler(rng, digits=digits, punctuation=punctuation), []
