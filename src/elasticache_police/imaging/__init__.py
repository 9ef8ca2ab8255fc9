"""Turn anything a user calls an image into pixels: the one preprocessing of training, serving and client.

=============================  =============================================================================
:func:`open_pages`             any picture -> its pages as upright RGB, lazily
:func:`numbered_pages`         the same with page numbers
:func:`source_name`            what to call a picture in a report
:func:`is_one_picture`         whether something is one picture rather than several
:func:`looks_like_a_picture`   whether a file starts like one we read
:func:`to_grey`                RGB page -> grey pixels, as the finder sees them
:func:`crop_to_line`           any crop -> the classic 50 x 700 grey line
:func:`crop_to_tensor`         any crop -> that line as the network's input
=============================  =============================================================================
"""

from elasticache_police.imaging.crops import (
    LINE_HEIGHT,
    LINE_WIDTH,
    crop_to_line,
    crop_to_tensor,
    line_to_tensor,
    to_grey,
)
from elasticache_police.imaging.pages import MAX_PIXELS, numbered_pages, open_pages
from elasticache_police.imaging.sources import ImageInput, is_one_picture, looks_like_a_picture, source_name

__all__ = [
    "LINE_HEIGHT",
    "LINE_WIDTH",
    "MAX_PIXELS",
    "ImageInput",
    "crop_to_line",
    "crop_to_tensor",
    "is_one_picture",
    "line_to_tensor",
    "looks_like_a_picture",
    "numbered_pages",
    "open_pages",
    "source_name",
    "to_grey",
]
