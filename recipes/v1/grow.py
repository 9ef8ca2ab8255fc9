# ruff: noqa: INP001  a script beside its data, in no package
"""Give a trained reader the layers that tell every column of the whole line: what a reader with context starts from.

    python grow.py WITHOUT.npz WITH.npz

WITHOUT.npz holds the weights of a reader of the same layers but for the three of the context. The new layers change
nothing yet: the result reads as the reader before did.
"""

from __future__ import annotations

import sys

import keras
import numpy as np

from elasticache_police.model.networks import CONTEXT, reader


def main() -> None:
    """Grow the weights of the first file by the layers that they lack."""
    without, grown = sys.argv[1:]
    with np.load(without) as saved:
        trained = iter([saved[f"w{i}"] for i in range(len(saved.files))])
    keras.utils.set_random_seed(1)
    model = reader()
    out = []
    for layer in model.layers:
        fresh = layer.get_weights()
        out += fresh if layer.name.startswith(CONTEXT) else [next(trained) for _ in fresh]
    if next(trained, None) is not None or [w.shape for w in out] != [tuple(w.shape) for w in model.weights]:
        sys.exit(f"{without} holds no reader of the same layers without context")
    np.savez(grown, allow_pickle=False, **{f"w{i}": values for i, values in enumerate(out)})


if __name__ == "__main__":
    main()
