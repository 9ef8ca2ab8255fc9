"""Which way up a JPEG is: the orientation that its EXIF data gives, and turning its pixels by it, as a graph.

EXIF is a TIFF directory in an APP1 segment (CIPA DC-008); the tag 0x0112 of its first directory is the orientation.
"""

from __future__ import annotations

import tensorflow as tf

__all__ = ["orientation", "upright"]

_REACH = 1 << 16
"""How far into the file the segment is looked for, in bytes; it is the first or the second of a JPEG."""
_SEGMENT, _IDENTIFIER = b"\xff\xe1", b"Exif\0\0"
_BIG = ord("M")
_TAG = 0x0112
_MOST_ENTRIES = 256
_ENTRY_BYTES = 12


def orientation(encoded: tf.Tensor) -> tf.Tensor:
    """Return the orientation of a JPEG, int32 1 to 8; 1, upright, when it gives none.

    Args:
        encoded: string scalar.
    """
    head = tf.cast(tf.io.decode_raw(tf.strings.substr(encoded, 0, _REACH), tf.uint8), tf.int32)
    count = tf.size(head)
    # What is read beyond the end is nought.
    data = tf.pad(head, [[0, _ENTRY_BYTES]])
    starts = tf.range(tf.maximum(0, count - len(_SEGMENT) - 2 - len(_IDENTIFIER)))
    wanted = [*enumerate(_SEGMENT), *enumerate(_IDENTIFIER, len(_SEGMENT) + 2)]  # two bytes of length between them
    found = tf.reduce_all(tf.stack([tf.equal(tf.gather(data, starts + at), byte) for at, byte in wanted]), axis=0)
    places = tf.where(found)[:, 0]

    def read() -> tf.Tensor:
        return _of_directory(data, tf.cast(places[0], tf.int32) + len(_SEGMENT) + 2 + len(_IDENTIFIER))

    return tf.cond(tf.size(places) > 0, read, lambda: 1)


def _of_directory(data: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    """Return the orientation that a TIFF header at ``start`` leads to."""
    big = tf.equal(data[start], _BIG)

    def number(at: tf.Tensor, length: int) -> tf.Tensor:
        parts = [tf.gather(data, tf.clip_by_value(at + i, 0, tf.size(data) - 1)) for i in range(length)]
        return tf.where(
            big,
            tf.add_n([part * (1 << 8 * (length - 1 - i)) for i, part in enumerate(parts)]),
            tf.add_n([part * (1 << 8 * i) for i, part in enumerate(parts)]),
        )

    directory = start + tf.clip_by_value(number(start + 4, 4), 0, _REACH)
    entries = directory + 2 + _ENTRY_BYTES * tf.range(tf.minimum(number(directory, 2), _MOST_ENTRIES))
    given = tf.boolean_mask(number(entries + 8, 2), tf.equal(number(entries, 2), _TAG))
    value = tf.concat([given, [1]], axis=0)[0]
    return tf.where(tf.logical_and(value >= 1, value <= 8), value, 1)


def upright(grey: tf.Tensor, turn: tf.Tensor) -> tf.Tensor:
    """Return a picture, uint8 (H, W), as its orientation, int32 1 to 8, wants it shown."""

    def one_of(*values: int) -> tf.Tensor:
        return tf.reduce_any(tf.equal(turn, values))

    grey = tf.cond(one_of(3, 4, 6, 7), lambda: tf.reverse(grey, [0]), lambda: grey)
    grey = tf.cond(one_of(2, 3, 7, 8), lambda: tf.reverse(grey, [1]), lambda: grey)
    return tf.cond(one_of(5, 6, 7, 8), lambda: tf.transpose(grey), lambda: grey)
