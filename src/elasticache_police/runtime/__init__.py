"""The packaged networks at work, without TensorFlow: pixels in, findings out."""

from __future__ import annotations

from elasticache_police.runtime.engine import Runtime

__all__ = ["Runtime"]
