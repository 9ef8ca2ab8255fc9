"""One local endpoint, one run: bytes and latency of each wire form, remote against local, many clients at once.

    python benchmarks/bench_endpoint.py model.tar.gz > endpoint.md

The endpoint is this package's own server over the archive, on loopback, asked through boto3 as SageMaker would be; so
the figures hold no network. The figure for "local" is the packaged model in this process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from elasticache_police import Police

_CLIENTS = (1, 8, 64)
_NAME = "ElastiCachePoliceEndpoint"


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("archive", type=Path, help="a model.tar.gz")
    parser.add_argument("--repeat", type=int, default=20, help="requests for each latency")
    parser.add_argument("--requests", type=int, default=256, help="requests for each throughput")
    parser.add_argument("--workers", type=int, default=1, help="of the endpoint")
    options = parser.parse_args()

    from elasticache_police import Police
    from elasticache_police.serving import EndpointOptions, LocalEndpoint

    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    with LocalEndpoint(EndpointOptions(model=options.archive, port=0, workers=options.workers)) as endpoint:
        os.environ["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] = endpoint.url
        remote = Police.from_endpoint(_NAME)
        print("| what | figure |\n|---|---|")
        _wires(remote, options.repeat)
        _pages(remote, options.repeat)
        failed = sum(_throughput(remote, clients, options.requests) for clients in _CLIENTS)
    if failed:
        sys.exit(f"{failed} requests failed")


def _row(what: str, figure: str) -> None:
    print(f"| {what} | {figure} |", flush=True)


def _wires(police: Police, repeat: int) -> None:
    """Compare the two forms in which a line travels."""
    from elasticache_police import _wire
    from elasticache_police.imaging import crop_to_line

    for colours, line in (("black on white", crop()), ("grey on grey", crop(ink=60, paper=225))):
        pixels = crop_to_line(line)
        floats = len(_wire.floats_body(pixels[None]))
        base64 = len(_wire.picture_body("classify", [_wire.encode_line(pixels)]))
        slow = latency(lambda line=line: police.classify(line, wire="floats"), repeat)
        fast = latency(lambda line=line: police.classify(line), repeat)
        _row(f"a line as floats, {colours}", f"{floats:,} bytes, {slow * 1000:.1f} ms")
        _row(f"a line as base64, {colours}", f"{base64:,} bytes, {fast * 1000:.1f} ms")
        _row(f"base64 against floats, {colours}", f"{floats / base64:.0f} x smaller, {slow / fast:.1f} x faster")


def _pages(remote: Police, repeat: int) -> None:
    """Compare inspecting a page there and here."""
    from elasticache_police import Police
    from elasticache_police.errors import ModelFileError

    _row("inspect a page, endpoint", f"{latency(lambda: remote.inspect(page()), repeat) * 1000:.1f} ms")
    local = Police()
    try:
        _row("inspect a page, this process", f"{latency(lambda: local.inspect(page()), repeat) * 1000:.1f} ms")
    except ModelFileError as error:
        _row("inspect a page, this process", f"no packaged model ({error})")


def _throughput(police: Police, clients: int, requests: int) -> int:
    """Ask from several threads at once; print the rate and return how many failed."""
    from elasticache_police.errors import PoliceError

    took: list[float] = []

    def ask(_: int) -> int:
        began = time.perf_counter()
        try:
            police.classify(crop())
        except PoliceError as error:
            print(error, file=sys.stderr)
            return 1
        took.append(time.perf_counter() - began)
        return 0

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        failed = sum(pool.map(ask, range(requests)))
    rate = (requests - failed) / (time.perf_counter() - began)
    _row(
        f"{clients} clients at once",
        f"{rate:.0f} lines/s, median {statistics.median(took) * 1000:.0f} ms,"
        f" 99 % within {_quantile(took, 0.99) * 1000:.0f} ms, {failed} errors of {requests}",
    )
    return failed


def latency(ask: Callable[[], object], repeat: int) -> float:
    """Return the median seconds of a call, the first left out."""
    ask()
    took = []
    for _ in range(repeat):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def crop(*, ink: int = 0, paper: int = 255) -> Image.Image:
    """Draw the story's line."""
    line = Image.new("L", (700, 50), paper)
    ImageDraw.Draw(line).text((20, 8), "Amazon ElasticCache", fill=ink, font_size=32)
    return line


def page() -> Image.Image:
    """Draw a slide of two megapixels."""
    slide = Image.new("RGB", (1920, 1080), "white")
    pen = ImageDraw.Draw(slide)
    for row in range(12):
        pen.text((100, 80 + 75 * row), "A session store on Amazon ElasticCache", fill="black", font_size=28)
    return slide


if __name__ == "__main__":
    main()
