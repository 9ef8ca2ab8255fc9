"""The two networks, in plain Keras 3, so that they train on TensorFlow, JAX or PyTorch.

The finder looks at whole pages; the reader at one line of text. Both are a few dense convolutions: on a CPU these train
and run faster than depthwise ones of as many multiplications.
"""

from __future__ import annotations

import keras
from keras import layers

from elasticache_police.runtime.alphabet import CLASSES
from elasticache_police.runtime.lines import LINE_PX

__all__ = ["FINDER_OUTPUTS", "finder", "reader"]

FINDER_OUTPUTS = 8
"""Logit of "the middle of the name or of something like it", logit of "text", left, top, right, bottom, logit of "text
that climbs", logit of "text that falls".

Left and right are distances to the ends of the name in units of 32 pixels; top and bottom those to the top of capitals
and to the baseline of the line of text in units of 8 pixels.
"""


def _conv(
    x: keras.KerasTensor, filters: int, kernel: tuple[int, int], strides: tuple[int, int] = (1, 1), *, relu: bool = True
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.97)(x)
    return layers.ReLU()(x) if relu else x


def finder(channels: int = 48, blocks: int = 3) -> keras.Model:
    """Build the finder.

    Input: uint8 or float (N, H, W, 1), grey 0..255, H and W multiples of 8.
    Output: float32 (N, H / 8, W / 8, 8), see :data:`FINDER_OUTPUTS`.
    """
    page = keras.Input((None, None, 1), name="page")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(page)
    x = _conv(x, channels // 4, (5, 5), (2, 2))
    x = _conv(x, channels // 2, (3, 3), (2, 2))
    x = _conv(x, channels, (3, 3), (2, 2))
    for _ in range(blocks):
        y = _conv(x, channels, (3, 1))
        y = _conv(y, channels, (1, 7), relu=False)
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.Conv2D(FINDER_OUTPUTS, (1, 1), name="cells")(x)
    return keras.Model(page, x, name="finder")


@keras.saving.register_keras_serializable(package="elasticache_police")
class LineNormalization(layers.Layer):  # type: ignore[misc]
    """Give every line mean 0, spread 1 and dark letters on a bright ground.

    Letters cover less of a line than the ground does, so the skew of its greys tells which is which.
    """

    def call(self, line: keras.KerasTensor) -> keras.KerasTensor:
        """Normalise float (N, H, W, 1)."""
        ops = keras.ops
        line = line - ops.mean(line, axis=(1, 2, 3), keepdims=True)
        spread = ops.sqrt(ops.mean(line * line, axis=(1, 2, 3), keepdims=True))
        line = line / (spread + 1.0)
        skew = ops.mean(line * line * line, axis=(1, 2, 3), keepdims=True)
        return ops.where(skew > 0, -line, line)


@keras.saving.register_keras_serializable(package="elasticache_police")
class NeighboursContext(layers.Layer):  # type: ignore[misc]
    """In training, give a share of the lines what is known of the line before them in the batch.

    The lines of a batch stand in the order they were drawn in: the one before is mostly of the same block, of the same
    face, size and ground, and says something else. So the context can tell how letters are written, not which they are.
    """

    def __init__(self, share: float = 0.75, **options: object) -> None:
        super().__init__(**options)
        self.share = share
        self._chance = keras.random.SeedGenerator(5)

    def call(self, x: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:  # noqa: FBT001  Keras' own
        """Mingle float (N, 1, 1, C) along N."""
        if not training:
            return x
        chosen = keras.random.uniform((keras.ops.shape(x)[0], 1, 1, 1), seed=self._chance) < self.share
        return keras.ops.where(chosen, keras.ops.roll(x, 1, axis=0), x)


def _in_context(x: keras.KerasTensor, hidden: int) -> keras.KerasTensor:
    """Let every column know of the whole line: its weight, its slant, how high small letters are, how far apart.

    The mean of the features over the line scales and shifts each of them, as in FiLM (Perez et al., 2018,
    arXiv:1709.07871). Fresh weights change nothing.
    """
    channels = x.shape[-1]
    mean = layers.GlobalAveragePooling2D(keepdims=True)(x)
    mean = NeighboursContext()(mean)
    mean = layers.ReLU()(layers.Conv2D(hidden, (1, 1))(mean))
    scale = layers.Conv2D(channels, (1, 1), kernel_initializer="zeros")(mean)
    shift = layers.Conv2D(channels, (1, 1), kernel_initializer="zeros")(mean)
    return layers.Add()([x, layers.Multiply()([x, scale]), shift])


def reader() -> keras.Model:
    """Build the reader.

    Input: uint8 or float (N, 32, W, 1), grey 0..255, W a multiple of 4.
    Output: float32 (N, W / 2, CLASSES), a logit per frame of two columns and class of
    :mod:`elasticache_police.runtime.alphabet`.
    """
    line = keras.Input((LINE_PX, None, 1), name="line")
    x = LineNormalization(dtype="float32")(line)
    x = _conv(x, 16, (5, 5), (2, 2))
    x = _conv(x, 32, (3, 3), (2, 1))
    x = _conv(x, 32, (3, 3), (1, 2))
    x = _conv(x, 48, (3, 3))
    x = _conv(x, 80, (3, 3), (2, 1))
    x = layers.Conv2D(144, (4, 1), use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.97)(x)
    x = layers.ReLU()(x)
    x = _in_context(x, 48)
    y = _conv(x, 144, (1, 5), relu=False)
    x = layers.ReLU()(layers.Add()([x, y]))
    y = _conv(x, 144, (1, 3), relu=False)
    x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.Conv2D(2 * CLASSES, (1, 1))(x)
    x = layers.Reshape((-1, CLASSES), name="frames")(x)
    return keras.Model(line, x, name="reader")
