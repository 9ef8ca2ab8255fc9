# ruff: noqa: INP001  a script beside its data, in no package
"""Leave out of a trained reader the channels that matter least: what a narrower reader starts from.

    python narrow.py WIDE.npz NARROW.npz

WIDE.npz holds the weights of a reader of the same layers with more channels than this version's has. How much a channel
matters is told from the weights alone, so the same file gives the same file: its strength after batch normalisation and
ReLU (for normally distributed inputs) times the norm of the weights that the next layers give it. The result is no good
reader yet, but learns to be one much faster than a fresh one.
"""

from __future__ import annotations

import sys

import numpy as np

from elasticache_police.model.networks import reader

_CONVOLUTIONS = 8
_JOINED = (5, 6, 7)  # the last three add to each other and share their channels
_EPSILON = 1e-3


def _strength(weights: list[np.ndarray], layer: int) -> np.ndarray:
    scale, offset = weights[5 * layer + 1], weights[5 * layer + 2]
    points = np.linspace(-5, 5, 2001)
    density = np.exp(-(points**2) / 2)
    after = np.maximum(0, offset[:, None] + scale[:, None] * points)
    return np.sqrt((after**2 * (density / density.sum())).sum(axis=1))


def _heeded(weights: list[np.ndarray], layer: int) -> np.ndarray:
    """Return how much a layer makes of each of its inputs."""
    kernel = weights[5 * layer]
    if layer < _CONVOLUTIONS:
        kernel = kernel * (np.abs(weights[5 * layer + 1]) / np.sqrt(weights[5 * layer + 4] + _EPSILON))
    return np.sqrt((kernel**2).sum(axis=(0, 1, 3)))


def _kept(weights: list[np.ndarray], widths: list[int]) -> list[np.ndarray]:
    """Return the channels to keep of every convolution."""
    kept = []
    for layer in range(_JOINED[0]):
        matters = _strength(weights, layer) * _heeded(weights, layer + 1)
        kept.append(np.sort(np.argsort(-matters)[: widths[layer]]))
    first, *rest = _JOINED
    strength = np.hypot(_strength(weights, first), np.linalg.norm([weights[5 * i + 1] for i in rest], axis=0))
    matters = strength * np.linalg.norm([_heeded(weights, layer + 1) for layer in _JOINED], axis=0)
    return kept + [np.sort(np.argsort(-matters)[: widths[first]])] * len(_JOINED)


def main() -> None:
    """Narrow the weights of the first file to the widths of this version's reader."""
    wide, narrow = sys.argv[1:]
    with np.load(wide) as saved:
        weights = [saved[f"w{i}"] for i in range(len(saved.files))]
    fresh = reader().get_weights()
    kept = _kept(weights, [fresh[5 * layer].shape[-1] for layer in range(_CONVOLUTIONS)])
    kept.append(np.arange(weights[-1].shape[0]))
    taken = np.arange(1)
    out = []
    for layer, channels in enumerate(kept):
        kernel, *normalisation = weights[5 * layer : 5 * layer + 5]
        out += [kernel[:, :, taken][..., channels], *(values[channels] for values in normalisation)]
        taken = channels
    if [values.shape for values in out] != [values.shape for values in fresh]:
        sys.exit(f"{wide} holds no reader of the same layers with at least as many channels")
    np.savez(narrow, allow_pickle=False, **{f"w{i}": values for i, values in enumerate(out)})


if __name__ == "__main__":
    main()
