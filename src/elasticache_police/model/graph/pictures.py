"""Encoded bytes to grey pixels, and any crop to the classic line: :mod:`elasticache_police.imaging` as a graph.

PNG and JPEG give the greys that Pillow gives, transparency composited on white; GIF (its first frame), BMP and WebP are
taken as TensorFlow decodes them. A JPEG is turned as its EXIF data says.
"""

from __future__ import annotations

import tensorflow as tf

from elasticache_police.imaging import LINE_HEIGHT, LINE_WIDTH
from elasticache_police.model.graph import exif
from elasticache_police.model.graph.resample import resize

__all__ = ["crop_to_line", "grey_pixels"]

_PNG, _JPEG, _GIF, _BMP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM"
_RIFF, _WEBP, _WEBP_CHUNK_AT = b"RIFF", b"WEBP", 12
_HEAD = 41
_DEPTH_AT, _DEEP, _USUAL, _GREY = 24, 16, 8, 0  # where a PNG's header has its bit depth, then its colour type
_NEXT_AT = 37  # where a PNG has the kind of the chunk behind the header; transparency would come before pixels
_PIXELS = b"IDAT"


def grey_pixels(encoded: tf.Tensor, *, max_pixels: int) -> tf.Tensor:
    """Decode a picture.

    Bytes that are no picture, a damaged picture and one of more than `max_pixels` fail with ``InvalidArgument``, the
    last before it is decoded.

    Args:
        encoded: string scalar, a PNG, JPEG, GIF, BMP or WebP file.
        max_pixels: The most pixels it may have.

    Returns:
        uint8 (H, W).
    """
    head = tf.io.decode_raw(tf.strings.substr(tf.strings.join([encoded, bytes(_HEAD)]), 0, _HEAD), tf.uint8)
    head = tf.cast(tf.ensure_shape(head, [_HEAD]), tf.int64)
    is_png, is_jpeg = _begins(head, _PNG), _begins(head, _JPEG)

    def header_size() -> tf.Tensor:
        webp = _webp_size(head)
        png = tf.stack([_number(head, 20, 4, big=True), _number(head, 16, 4, big=True)])
        gif = tf.stack([_number(head, 8, 2), _number(head, 6, 2)])
        tall = _number(head, 22, 4)  # negative for a bitmap stored from the top down
        bmp = tf.stack([tf.minimum(tall, (1 << 32) - tall), _number(head, 18, 4)])
        other = tf.where(_begins(head, _GIF), gif, tf.where(_begins(head, _BMP), bmp, webp))
        return tf.where(is_png, png, other)

    size = tf.cond(is_jpeg, lambda: tf.cast(tf.image.extract_jpeg_shape(encoded)[:2], tf.int64), header_size)
    allowed = tf.debugging.Assert(
        size[0] * size[1] <= max_pixels,
        ["the picture is too large: height, width, and the pixels accepted in all:", size[0], size[1], max_pixels],
    )
    with tf.control_dependencies([allowed] if allowed is not None else []):
        encoded = tf.identity(encoded)
    depth, is_grey = head[_DEPTH_AT], tf.equal(head[_DEPTH_AT + 1], _GREY)
    deep = tf.logical_and(tf.equal(depth, _DEEP), is_grey)
    plain = tf.logical_and(tf.logical_and(tf.equal(depth, _USUAL), is_grey), _begins(head[_NEXT_AT:], _PIXELS))

    def png() -> tf.Tensor:
        return tf.cond(
            plain,
            lambda: tf.io.decode_png(encoded, channels=1)[..., 0],
            lambda: tf.cond(deep, lambda: _deep_png(encoded), lambda: _png(encoded, depth)),
        )

    grey = tf.cond(is_png, png, lambda: tf.cond(is_jpeg, lambda: _jpeg(encoded), lambda: _other(encoded)))
    return tf.ensure_shape(grey, [None, None])


def _webp_size(head: tf.Tensor) -> tf.Tensor:
    """Return the height and width that a WebP's header tells, int64 (2,); zeros for what is none: RFC 9649."""
    first = head[_WEBP_CHUNK_AT:]
    packed = _number(head, 21, 4)
    lossless = tf.stack([tf.bitwise.right_shift(packed, 14) & 0x3FFF, packed & 0x3FFF]) + 1
    lossy = tf.stack([_number(head, 28, 2), _number(head, 26, 2)]) & 0x3FFF
    extended = tf.stack([_number(head, 27, 3), _number(head, 24, 3)]) + 1
    kinds = ((b"VP8L", lossless), (b"VP8 ", lossy), (b"VP8X", extended))
    is_webp = tf.logical_and(_begins(head, _RIFF), _begins(head[8:], _WEBP))
    size = tf.zeros(2, tf.int64)
    for kind, told in kinds:
        size = tf.where(tf.logical_and(is_webp, _begins(first, kind)), told, size)
    return size


def _begins(head: tf.Tensor, signature: bytes) -> tf.Tensor:
    return tf.reduce_all(tf.equal(head[: len(signature)], list(signature)))


def _number(head: tf.Tensor, start: int, length: int, *, big: bool = False) -> tf.Tensor:
    order = reversed(range(length)) if big else range(length)
    return tf.add_n([head[start + place] * (1 << 8 * power) for power, place in zip(range(length), order, strict=True)])


def _png(encoded: tf.Tensor, depth: tf.Tensor) -> tf.Tensor:
    pixels = tf.io.decode_png(encoded, channels=4)
    alpha = tf.cast(pixels[..., 3], tf.int32)
    # Where there is none, TensorFlow fills in the largest value of the file's own bit depth, such as 1 for two colours.
    filled = tf.bitwise.left_shift(1, tf.minimum(tf.cast(depth, tf.int32), 8)) - 1
    opaque = tf.logical_and(tf.equal(tf.reduce_min(alpha), filled), tf.equal(tf.reduce_max(alpha), filled))
    colours = tf.cond(opaque, lambda: pixels[..., :3], lambda: _on_white(pixels[..., :3], alpha))
    return _luma(colours)


def _deep_png(encoded: tf.Tensor) -> tf.Tensor:
    values = tf.cast(tf.io.decode_png(encoded, channels=1, dtype=tf.uint16)[..., 0], tf.float32)
    return tf.cast(tf.round(values * (255.0 / 65535.0)), tf.uint8)


def _jpeg(encoded: tf.Tensor) -> tf.Tensor:
    colours = tf.io.decode_jpeg(encoded, channels=3, fancy_upscaling=True, dct_method="INTEGER_ACCURATE")
    return exif.upright(_luma(colours), exif.orientation(encoded))


def _other(encoded: tf.Tensor) -> tf.Tensor:
    return _luma(tf.io.decode_image(encoded, channels=3, expand_animations=False))


def _on_white(colours: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    """Composite uint8 (H, W, 3) of int32 alpha (H, W) on white with Pillow's integers (``AlphaComposite.c``)."""
    share = alpha[..., tf.newaxis]
    mixed = (tf.cast(colours, tf.int32) * share + 255 * (255 - share)) * 128 + (128 << 7)
    return tf.cast(tf.bitwise.right_shift(mixed + tf.bitwise.right_shift(mixed, 8), 15), tf.uint8)


def _luma(colours: tf.Tensor) -> tf.Tensor:
    """Return uint8 (H, W, 3) as grey with Pillow's integers for ITU-R BT.601 (``Convert.c``)."""
    red, green, blue = (tf.cast(colours[..., i], tf.int32) for i in range(3))
    return tf.cast(tf.bitwise.right_shift(red * 19595 + green * 38470 + blue * 7471 + 0x8000, 16), tf.uint8)


def crop_to_line(grey: tf.Tensor) -> tf.Tensor:
    """Bring a picture of one line of text onto the classic line: :func:`elasticache_police.imaging.crop_to_line`.

    Args:
        grey: uint8 (H, W).

    Returns:
        uint8 (50, 700).
    """
    classic = tf.reduce_all(tf.equal(tf.shape(grey), [LINE_HEIGHT, LINE_WIDTH]))
    line = tf.cond(classic, lambda: grey, lambda: _fitted(grey))
    return tf.ensure_shape(line, [LINE_HEIGHT, LINE_WIDTH])


def _fitted(grey: tf.Tensor) -> tf.Tensor:
    """Scale a picture to the classic line's height or width and fill up the rest with the grey of its edges."""
    size = tf.cast(tf.shape(grey), tf.float64)
    scale = tf.minimum(LINE_HEIGHT / size[0], LINE_WIDTH / size[1])
    limits = tf.constant([LINE_HEIGHT, LINE_WIDTH])
    height, width = tf.unstack(tf.clip_by_value(tf.cast(tf.round(size * scale), tf.int32), 1, limits))
    zero = tf.constant(0.0, tf.float64)
    part = resize(grey, (zero, zero, size[1], size[0]), (height, width))
    edge = tf.sort(tf.cast(tf.concat([grey[0], grey[-1], grey[:, 0], grey[:, -1]], axis=0), tf.int32))
    middle = tf.size(edge) // 2  # of an even number of pixels
    ground = tf.cast((edge[middle - 1] + edge[middle]) // 2, tf.uint8)
    above = (LINE_HEIGHT - height) // 2
    around = [[above, LINE_HEIGHT - height - above], [0, LINE_WIDTH - width]]
    return tf.pad(part, around, constant_values=ground)
