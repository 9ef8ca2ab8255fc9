"""Drawings of what was once read wrongly, or is easily read wrongly, and what must be found on them."""

from __future__ import annotations

import io
from collections.abc import Callable

import attrs
from PIL import Image, ImageDraw, ImageFilter

from elasticache_police.dataset.fonts import load, packaged_fonts

RIGHT, WRONG = "correct", "misspelled"
_SANS = next(path for path in packaged_fonts() if path.stem == "LiberationSans-Regular")
_GOTHIC = next(path for path in packaged_fonts() if path.stem == "RoutedGothic")


@attrs.frozen
class Sample:
    """A drawing and the verdicts on it, top to bottom and left to right; None where anything but a misspelling goes."""

    name: str
    draw: Callable[[], Image.Image]
    verdicts: tuple[str, ...] | None


def _page(width: int = 480, height: int = 160, ground: str = "white") -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (width, height), ground)
    return image, ImageDraw.Draw(image)


def line(text: str, *, px: float = 16, ink: str = "black", ground: str = "white", font: object = _SANS) -> Image.Image:
    """One line in the middle of an empty page."""
    image, draw = _page(ground=ground)
    draw.text((60, 90), text, fill=ink, font=load(font, px), anchor="ls")  # type: ignore[arg-type]
    return image


def through_a_line() -> Image.Image:
    image = line("Amazon ElastiCache", px=20)
    ImageDraw.Draw(image).line((240, 20, 255, 140), fill="#777777")
    return image


def in_a_tight_box() -> Image.Image:
    image = line("ElastiCache", px=18)
    ImageDraw.Draw(image).rectangle((56, 72, 156, 95), outline="black")
    return image


def two_on_a_line() -> Image.Image:
    return line("ElastiCache and ElasticCache", px=18)


def broken_over_lines() -> Image.Image:
    image, draw = _page()
    for i, text in enumerate(("Amazon", "ElastiCache", "for Redis")):
        draw.text((240, 50 + 22 * i), text, fill="#222222", font=load(_SANS, 16), anchor="ms")
    return image


def compressed() -> Image.Image:
    buffer = io.BytesIO()
    line("Use ElastiCache here", px=18).save(buffer, "JPEG", quality=35)
    return Image.open(buffer).convert("RGB")


def blurred() -> Image.Image:
    return line("Amazon Elasticache", px=22).filter(ImageFilter.GaussianBlur(0.9))


def label_under_icon() -> Image.Image:
    image, draw = _page()
    draw.rounded_rectangle((210, 30, 270, 90), radius=8, fill="#4050c8")
    draw.ellipse((225, 45, 255, 75), outline="white", width=2)
    draw.text((240, 108), "ElastiCache", fill="#333333", font=load(_SANS, 13), anchor="ms")
    return image


def reached_into_by_an_icon(text: str, *, px: int = 27) -> Image.Image:
    """A label that a program set so high that the upper half of its capitals stands on the icon's foot."""
    image, draw = _page(480, 300, ground="#e5f5fd")
    foot = 220 - round(0.35 * px)
    draw.rounded_rectangle((160, foot - 160, 320, foot), radius=18, fill="#3c50d2")
    draw.text((240, 220), text, fill="#2d3436", font=load(_SANS, px), anchor="ms")
    return image


def beside_an_axis(text: str, *, climbs: bool) -> Image.Image:
    """A chart with its label along the vertical axis."""
    image, draw = _page(420, 300)
    draw.line((70, 20, 70, 270, 400, 270), fill="black", width=2)
    for i, height in enumerate((60, 140, 100, 200)):
        draw.rectangle((100 + 70 * i, 270 - height, 140 + 70 * i, 270), fill="#4f81bd")
    label = Image.new("RGB", (190, 30), "white")
    ImageDraw.Draw(label).text((95, 20), text, fill="#222222", font=load(_SANS, 16), anchor="ms")
    image.paste(label.rotate(90 if climbs else -90, expand=True), (25, 50))
    return image


def on_the_floor(text: str) -> Image.Image:
    """An isometric drawing: a tiled floor, a box, and a label that lies beside it."""
    fine = 3
    image, draw = _page(640 * fine, 420 * fine)
    for at in range(-800 * fine, 1200 * fine, 64 * fine):
        for fall in (3**-0.5, -(3**-0.5)):
            draw.line((0, at, image.width, at + image.width * fall), fill="#9aa5b1", width=2 * fine)
    sides = {"#3f51d5": ((200, 80), (290, 132), (200, 184), (110, 132))}
    sides["#d0d0d0"] = ((110, 132), (200, 184), (200, 234), (110, 182))
    sides["#b0b0b0"] = ((200, 184), (290, 132), (290, 182), (200, 234))
    for fill, corners in sides.items():
        draw.polygon([(x * fine, y * fine) for x, y in corners], fill=fill, outline="black")
    plain = Image.new("L", (340 * fine, 60 * fine))
    ImageDraw.Draw(plain).text((10 * fine, 40 * fine), text, fill=255, font=load(_SANS, 26 * fine), anchor="ls")
    # The label's x runs down to the right, its y down to the left: ((cos 30, -cos 30), (sin 30, sin 30)). This is the
    # inverse of that matrix, with the label's corner at (x, y).
    x, y = 260.0 * fine, 190.0 * fine
    across = 3**-0.5
    lie = (across, 1.0, -across * x - y, -across, 1.0, across * x - y)
    mask = plain.transform(image.size, Image.Transform.AFFINE, lie, Image.Resampling.BICUBIC)
    image.paste("#d26a00", (0, 0), mask)
    return image.reduce(fine)


def fading_out() -> Image.Image:
    """A card at the edge of a carousel."""
    image = line("Amazon ElasticCache", px=18)
    ramp = Image.linear_gradient("L").rotate(90).resize((400, 160)).point(lambda value: int(value * 0.8))
    image.paste("white", (60, 0), ramp)
    return image


def cut_out(text: str, *, px: float) -> Image.Image:
    """A word and nothing around it."""
    x0, y0, x1, y1 = (round(edge) for edge in load(_SANS, px).getbbox(text))
    image, draw = _page(x1 - x0, y1 - y0)
    draw.text((-x0, -y0), text, fill="black", font=load(_SANS, px))
    return image


def a_line_a_word(*words: str, pitch: int = 21) -> Image.Image:
    """A label under an icon."""
    image, draw = _page()
    draw.rectangle((215, 8, 265, 50), fill="#3b48cc")
    for row, word in enumerate(words):
        draw.text((240, 76 + pitch * row), word, fill="#222222", font=load(_SANS, 17), anchor="ms")
    return image


def with_ears(text: str) -> Image.Image:
    """A component of UML, whose ears stand where an I or a T might."""
    image = line(text, px=14)
    draw = ImageDraw.Draw(image)
    draw.rectangle((50, 73, 60 + 7 * len(text) + 12, 103), outline="#333333")
    for y in (78, 93):
        draw.rectangle((45, y, 55, y + 5), fill="white", outline="#333333")
    return image


def outlined(text: str) -> Image.Image:
    """White letters with a black outline, as titles on photographs have."""
    image, draw = _page(ground="#d09040")
    draw.text((40, 100), text, fill="white", font=load(_SANS, 40), anchor="ls", stroke_width=2, stroke_fill="black")
    return image


def in_small_capitals(first: str, second: str) -> Image.Image:
    """``ElastiCache`` in capitals of two sizes."""
    image, draw = _page()
    x = 60.0
    for word in (first, second):
        for letters, px in ((word[0], 26), (word[1:].upper(), 21)):
            draw.text((x, 90), letters, fill="black", font=load(_SANS, px), anchor="ls")
            x += load(_SANS, px).getlength(letters)
    return image


def in_two_cells(left: str, right: str) -> Image.Image:
    """Two words in neighbouring cells of a table."""
    image, draw = _page()
    for x0, text in ((60, left), (128, right)):
        draw.rectangle((x0, 70, x0 + 68, 100), outline="#888888")
        draw.text((x0 + 10, 90), text, fill="black", font=load(_SANS, 15), anchor="ls")
    return image


SAMPLES = (
    Sample("plain_right", lambda: line("Amazon ElastiCache"), (RIGHT,)),
    Sample("plain_extra_c", lambda: line("Amazon ElasticCache"), (WRONG,)),
    Sample("small_c_at_ten_pixels", lambda: line("Amazon Elasticache", px=14), (WRONG,)),
    Sample("right_at_eight_pixels_is_not_accused", lambda: line("Amazon ElastiCache", px=11), (RIGHT,)),
    Sample("two_words", lambda: line("Amazon Elastic Cache", px=15), (WRONG,)),
    Sample("split_at_the_seam", lambda: line("Amazon Elasti Cache", px=18), (WRONG,)),
    Sample("missing_letter", lambda: line("Amazon ElastiCach now", px=18), (WRONG,)),
    Sample("swapped_letters", lambda: line("Amazon ElastiCahce", px=18), (WRONG,)),
    Sample("light_on_dark", lambda: line("Amazon ElastiCache", ink="white", ground="#101820"), (RIGHT,)),
    Sample("grey_on_grey", lambda: line("Amazon ElastiCache", px=18, ink="#5a5a5a", ground="#303030"), (RIGHT,)),
    Sample("capitals_right", lambda: line("AMAZON ELASTICACHE", px=18), (RIGHT,)),
    Sample("capitals_wrong", lambda: line("AMAZON ELASTICCACHE", px=18), (WRONG,)),
    Sample("in_another_face", lambda: line("Amazon ElastiCache", px=18, font=_GOTHIC), (RIGHT,)),
    Sample("a_large_headline", lambda: line("ElasticCache", px=56), (WRONG,)),
    Sample("glued_to_a_hyphen", lambda: line("ElasticCache-Redis", px=16), (WRONG,)),
    Sample("glued_to_an_abbreviation", lambda: line("AWSElasticCache", px=18), (WRONG,)),
    Sample("right_and_glued_to_words", lambda: line("VPCElastiCacheGroup", px=18), (RIGHT,)),
    Sample("through_a_line", through_a_line, (RIGHT,)),
    Sample("in_a_tight_box", in_a_tight_box, (RIGHT,)),
    Sample("two_on_a_line", two_on_a_line, (RIGHT, WRONG)),
    Sample("broken_over_lines", broken_over_lines, (RIGHT,)),
    Sample("a_line_a_word", lambda: a_line_a_word("Amazon", "Elastic", "Cache"), (WRONG,)),
    Sample("a_line_a_word_in_capitals", lambda: a_line_a_word("ELASTIC", "CACHE"), (WRONG,)),
    Sample("no_room_for_the_name", lambda: a_line_a_word("Elasti", "Cache"), ()),
    Sample("two_labels", lambda: a_line_a_word("Elastic", "Cache", pitch=48), ()),
    Sample("another_service", lambda: a_line_a_word("Elastic", "Load", "Balancer"), ()),
    Sample("with_ears", lambda: with_ears("ElasticCache"), (WRONG,)),
    Sample("right_with_ears", lambda: with_ears("ElastiCache"), (RIGHT,)),
    Sample("outlined", lambda: outlined("ElasticCache"), (WRONG,)),
    Sample("right_and_outlined", lambda: outlined("ElastiCache"), (RIGHT,)),
    Sample("in_small_capitals", lambda: in_small_capitals("Elasti", "Cache"), (RIGHT,)),
    Sample("wrong_in_small_capitals", lambda: in_small_capitals("Elastic", "Cache"), (WRONG,)),
    Sample("compressed", compressed, (RIGHT,)),
    Sample("blurred", blurred, (WRONG,)),
    Sample("label_under_icon", label_under_icon, (RIGHT,)),
    Sample("reached_into", lambda: reached_into_by_an_icon("Elasticache", px=16), (WRONG,)),
    Sample("right_and_reached_into", lambda: reached_into_by_an_icon("ElastiCache"), None),
    Sample("climbing", lambda: beside_an_axis("Amazon ElasticCache", climbs=True), (WRONG,)),
    Sample("climbing_right", lambda: beside_an_axis("ElastiCache hits", climbs=True), (RIGHT,)),
    Sample("falling", lambda: beside_an_axis("Amazon Elasticache", climbs=False), (WRONG,)),
    Sample("on_the_floor", lambda: on_the_floor("ElasticCache"), (WRONG,)),
    Sample("right_on_the_floor", lambda: on_the_floor("ElastiCache - Redis"), (RIGHT,)),
    Sample("fading_out", fading_out, (WRONG,)),
    Sample("an_arn", lambda: line("arn:aws:elasticache:us-east-1:123:cluster", px=16), ()),
    Sample("a_client", lambda: line('boto3.client("elasticache")', px=16), ()),
    Sample("a_host", lambda: line("my.elasticache.amazonaws.com", px=16), ()),
    Sample("elasticsearch", lambda: line("Amazon Elasticsearch Service", px=16), ()),
    Sample("beanstalk", lambda: line("AWS Elastic Beanstalk", px=16), ()),
    Sample("load_balancing", lambda: line("Elastic Load Balancing", px=16), ()),
    Sample("plain_cache", lambda: line("Cache nodes and replication", px=16), ()),
    Sample("before_a_slash", lambda: line("ElastiCache/", px=17), None),
    Sample("before_a_small_slash", lambda: line("ElastiCache/", px=12), None),
    Sample("before_a_text_cursor", lambda: line("ElastiCache|", px=16), None),
    Sample("before_a_copyright_mark", lambda: line("Amazon ElastiCache©", px=20), None),
    Sample("before_a_cross_to_close_it", lambda: line("ElastiCache\N{MULTIPLICATION SIGN}", px=18), None),
    Sample("with_a_number", lambda: line("ElastiCache1", px=16), None),
    Sample("two_words_of_a_list", lambda: line("Elastic, Cache, Redis", px=16), ()),
    Sample("one_or_the_other", lambda: line("Elastic / Cache", px=16), ()),
    Sample("two_cells", lambda: in_two_cells("Elastic", "Cache"), ()),
    Sample("far_apart", lambda: line("Elastic       Cache", px=16), ()),
    Sample("a_variable", lambda: line("const elastiCacheClient = create()", px=16), ()),
    Sample("a_constant", lambda: line("ELASTIC_CACHE_URL=redis", px=16), ()),
    Sample("a_name_with_an_underscore", lambda: line("elastic_cache", px=16), ()),
    Sample("cut_out_small", lambda: cut_out("ElasticCache", px=14), (WRONG,)),
    Sample("cut_out", lambda: cut_out("ElastiCache", px=30), (RIGHT,)),
    Sample("cut_out_large", lambda: cut_out("Elasticache", px=110), (WRONG,)),
    Sample("nothing", lambda: line(" ", px=16), ()),
)
