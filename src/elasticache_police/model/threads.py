"""How many cores training takes."""

from __future__ import annotations

from elasticache_police.errors import ConfigurationError

__all__ = ["set_threads"]


def set_threads(threads: int) -> None:
    """Let TensorFlow use so many threads within an operation; before anything else asks it to compute.

    Raises:
        ConfigurationError: TensorFlow is not installed.
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ConfigurationError("--threads is for the TensorFlow backend, which is not installed") from error
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
