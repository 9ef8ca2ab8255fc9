"""Any mode, depth and colour space to opaque 8-bit RGB."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

from elasticache_police.errors import ImageError

__all__ = ["array_to_rgb", "to_luma", "to_rgb"]

_WHITE_IS_ZERO = 0
_PHOTOMETRIC_INTERPRETATION = 262


def to_rgb(picture: Image.Image, source: str) -> Image.Image:
    """Return an upright, opaque RGB copy of a picture.

    Args:
        picture: Any mode. It is decoded if it was not yet, and not changed otherwise.
        source: What to call it in messages.

    Returns:
        Mode RGB; EXIF orientation applied, transparency composited on white.

    Raises:
        ImageError: Its values have no clear meaning as light and dark.
    """
    picture.load()
    upright = _upright(picture)
    mode = upright.mode
    if mode in {"I", "F"} or mode.startswith("I;16"):
        return _deep_to_rgb(upright, source, inverted=_is_white_zero(picture))
    if mode == "LAB":
        return _lab_to_rgb(upright)
    if mode == "La":
        upright = upright.convert("LA")
    if upright.has_transparency_data:
        return _on_white(upright.convert("RGBA"))
    if mode != "RGB":
        return upright.convert("RGB")
    return picture.copy() if upright is picture else upright


def to_luma(picture: Image.Image, source: str) -> Image.Image:
    """Return an upright, opaque grey copy of a picture, mode ``L``: what :func:`to_rgb` gives, without its colours.

    Args:
        picture: As for :func:`to_rgb`.
        source: What to call it in messages.

    Raises:
        ImageError: Its values have no clear meaning as light and dark.
    """
    picture.load()
    if picture.mode == "L" and not picture.has_transparency_data:  # grey already: RGB would be a detour
        upright = _upright(picture)
        return picture.copy() if upright is picture else upright
    return to_rgb(picture, source).convert("L")


def array_to_rgb(array: npt.NDArray[np.generic], source: str) -> Image.Image:
    """Return an array of pixels as an RGB picture.

    Args:
        array: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); uint8, or floating point in 0..1. Channels are red, green,
            blue and alpha; alpha is composited on white.
        source: What to call it in messages.

    Raises:
        ImageError: The shape, dtype or range is another, or ambiguous.
    """
    shape = "x".join(map(str, array.shape))
    if array.ndim == 4:
        raise ImageError(source, f"is a batch (shape {shape})", "give one picture at a time")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[2] not in {3, 4}):
        raise ImageError(source, f"has shape {shape}", "(height, width) or (height, width, 3 or 4) is needed")
    if array.size == 0:
        raise ImageError(source, f"has no pixels (shape {shape})", "check how it was made")
    pixels = np.ascontiguousarray(_as_uint8(array, source))
    picture = Image.fromarray(pixels)
    return _on_white(picture) if picture.mode == "RGBA" else picture.convert("RGB")


def _as_uint8(array: npt.NDArray[np.generic], source: str) -> npt.NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array.astype(np.uint8, copy=False)
    if array.dtype.kind != "f":
        raise ImageError(source, f"has dtype {array.dtype}", "uint8 in 0..255 or floating point in 0..1 is needed")
    values = array.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if not (low >= 0.0 and high <= 1.0):  # false for NaN too
        raise ImageError(
            source, f"has floating point values in {low:g}..{high:g}", "scale them to 0..1, or convert to uint8"
        )
    return np.rint(values * 255.0).astype(np.uint8)


def _on_white(picture: Image.Image) -> Image.Image:
    page = Image.new("RGB", picture.size, (255, 255, 255))
    page.paste(picture, mask=picture.getchannel("A"))
    return page


def _upright(picture: Image.Image) -> Image.Image:
    """Return a copy with EXIF's orientation applied, or the picture itself if that is upright.

    EXIF that cannot be read says nothing about orientation.
    """
    try:
        stands = picture.getexif().get(ExifTags.Base.Orientation, 1) not in range(2, 9)
        return picture if stands else ImageOps.exif_transpose(picture)
    except (LookupError, OSError, SyntaxError, TypeError, UserWarning, ValueError, struct.error):
        return picture


def _is_white_zero(picture: Image.Image) -> bool:
    """Say whether a TIFF stores white as 0, which Pillow undoes for 8 bits only."""
    tags = getattr(picture, "tag_v2", {})
    return bool(tags.get(_PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO)


def _deep_to_rgb(picture: Image.Image, source: str, *, inverted: bool) -> Image.Image:
    """Scale 16-bit grey (mode I;16), 32-bit integers and floating point to 8 bits.

    Modes I and F do not say what white is: values up to 255 are taken for 8 bits (up to 1 for a fraction, in F), more
    for 16 bits, and what fits neither is refused.
    """
    values = np.asarray(picture)
    low, high = float(values.min()), float(values.max())
    if not (low >= 0.0 and high <= 65535.0):  # true for NaN too
        raise ImageError(source, f"has values in {low:g}..{high:g}", "convert it to 8 bits")
    if picture.mode == "F" and high <= 1.0:
        white = 1.0
    elif picture.mode in {"I", "F"} and high <= 255.0:
        white = 255.0
    else:
        white = 65535.0
    grey = np.rint(values.astype(np.float32) * np.float32(255.0 / white)).astype(np.uint8)
    if inverted:
        grey = 255 - grey
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):
        grey = np.where(values == transparent, np.uint8(255), grey)
    return Image.fromarray(grey).convert("RGB")


def _lab_to_rgb(picture: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB")
    if converted is None:  # only where it was asked to work in place
        raise ValueError("the LAB conversion gave no picture")
    return converted
