"""Anything a user calls an image becomes upright, opaque, 8-bit RGB; anything else is refused by name."""

from __future__ import annotations

import io
import os
import struct
import threading
import warnings
import zlib

import hypothesis
import hypothesis.extra.numpy as npst
import hypothesis.strategies as st
import numpy as np
import pytest
from PIL import Image, ImageDraw

from elasticache_police import imaging
from elasticache_police.errors import ImageError, MissingExtraError
from elasticache_police.imaging.resample import resized

RED = (255, 0, 0)
WHITE = (255, 255, 255)


def encoded(picture, format_="PNG", **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format_, **options)
    return stream.getvalue()


def gradient(width=31, height=17) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.dstack([x * 8, y * 15, x * 4 + y * 7]).astype(np.uint8))


def only_page(image, **options) -> Image.Image:
    (page,) = imaging.open_pages(image, **options)
    assert page.mode == "RGB"
    return page


def pixels(image, **options) -> list:
    page = only_page(image, **options)
    (grey,) = imaging.open_pages(image, grey=True, **options)
    assert grey.mode == "L"
    assert np.array_equal(grey, page.convert("L")), "the grey page is the luma of the coloured one"
    return np.asarray(page).tolist()


# --- every way to hand in the same picture -------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "BMP", "TIFF"])
def test_a_lossless_file_gives_its_pixels_whatever_it_is_called(tmp_path, format_):
    path = tmp_path / "picture.jpg"
    path.write_bytes(encoded(gradient(), format_, **({"lossless": True} if format_ == "WEBP" else {})))
    assert pixels(path) == np.asarray(gradient()).tolist()


def test_a_jpeg_named_png_is_read_as_the_jpeg_it_is(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(gradient(), "JPEG", quality=95))
    expected = np.asarray(Image.open(path)).tolist()
    assert pixels(path) == expected


@pytest.mark.parametrize(
    "wrap",
    [
        bytes,
        bytearray,
        memoryview,
        io.BytesIO,
        lambda content: Image.open(io.BytesIO(content)),
        lambda content: np.asarray(Image.open(io.BytesIO(content))),
        lambda content: np.asarray(Image.open(io.BytesIO(content))) / 255.0,
        lambda content: (np.asarray(Image.open(io.BytesIO(content))) / 255.0).astype(np.float32),
    ],
)
def test_every_kind_of_input_gives_the_same_pixels(wrap):
    assert pixels(wrap(encoded(gradient()))) == np.asarray(gradient()).tolist()


def test_a_path_may_be_text_or_path(tmp_path):
    path = tmp_path / "ein Bild, 画像.png"
    path.write_bytes(encoded(gradient()))
    assert pixels(str(path)) == pixels(path) == np.asarray(gradient()).tolist()


def test_a_file_object_is_read_from_its_start_as_pillow_does():
    stream = io.BytesIO()
    gradient().save(stream, "PNG")
    assert pixels(stream) == np.asarray(gradient()).tolist()


def test_a_pipe_is_read_though_it_cannot_seek(tmp_path):
    reading, writing = os.pipe()
    writer = threading.Thread(target=lambda: [os.write(writing, encoded(gradient())), os.close(writing)])
    writer.start()
    with os.fdopen(reading, "rb") as stream:
        page = np.asarray(only_page(stream)).tolist()
    writer.join()
    assert page == np.asarray(gradient()).tolist()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a thing of Unix")
def test_a_named_pipe_is_read_as_a_path(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(encoded(gradient()),))
    writer.start()
    page = np.asarray(only_page(fifo)).tolist()
    writer.join()
    assert page == np.asarray(gradient()).tolist()


def test_the_input_is_left_as_it_was():
    picture = Image.new("RGBA", (4, 4), (10, 20, 30, 128))
    array = np.zeros((4, 4, 4), np.uint8)
    before = picture.tobytes()
    only_page(picture).putpixel((0, 0), RED)
    only_page(array).putpixel((0, 0), RED)
    rgb = gradient()
    only_page(rgb).putpixel((0, 0), RED)
    assert picture.mode == "RGBA"
    assert picture.tobytes() == before
    assert not array.any()
    assert rgb.tobytes() == gradient().tobytes()


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("a/b.png", "a/b.png"),
        (b"", "<bytes>"),
        (io.BytesIO(), "<stream>"),
        (Image.new("L", (1, 1)), "<image>"),
        (np.zeros((1, 1), np.uint8), "<array>"),
        (None, "<NoneType>"),
    ],
)
def test_source_name_is_what_the_user_would_call_it(image, name):
    assert imaging.source_name(image) == name


def test_source_name_of_opened_files_is_their_path(tmp_path):
    path = tmp_path / "x.png"
    gradient().save(path)
    with path.open("rb") as stream, Image.open(path) as picture:
        assert {imaging.source_name(stream), imaging.source_name(picture), imaging.source_name(path)} == {str(path)}


# --- modes, depths, transparency, orientation ----------------------------------------------------------------------


def test_transparency_becomes_white():
    picture = Image.new("RGBA", (3, 1), (0, 0, 0, 0))
    picture.putpixel((1, 0), (0, 0, 0, 255))
    picture.putpixel((2, 0), (0, 0, 0, 128))
    expected = [[[255, 255, 255], [0, 0, 0], [127, 127, 127]]]
    assert pixels(picture) == expected
    assert pixels(encoded(picture)) == expected
    assert pixels(np.asarray(picture)) == expected


@pytest.mark.parametrize("mode", ["LA", "PA", "RGBa", "La"])
def test_other_modes_with_alpha_become_white_too(mode):
    picture = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    picture.putpixel((1, 0), (0, 0, 0, 255))
    through = {"PA": "P", "La": "LA"}.get(mode)
    converted = picture.convert("LA").convert("La") if mode == "La" else picture
    if mode == "PA":
        converted = Image.new("P", (2, 1)).convert("PA")
        converted.putpixel((0, 0), (0, 0))
        converted.putpixel((1, 0), (0, 255))
    elif mode in {"LA", "RGBa"}:
        converted = picture.convert(mode)
    assert converted.mode == mode, through
    assert pixels(converted) == [[[255] * 3, [0] * 3]]


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P"])
def test_a_png_with_one_transparent_colour_becomes_white_there(mode):
    picture = Image.new(mode, (2, 1), 0)
    picture.putpixel((1, 0), {"1": 1, "L": 90, "RGB": (90, 90, 90), "P": 1}[mode])
    if mode == "P":
        picture.putpalette([0, 0, 0, 90, 90, 90])
    content = encoded(picture, transparency=(0, 0, 0) if mode == "RGB" else 0)
    assert pixels(content) == [[[255] * 3, [255] * 3 if mode == "1" else [90] * 3]]


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "HSV", "RGBX", "LAB"])
def test_every_mode_keeps_black_red_and_white_apart(mode):
    picture = Image.new("RGB", (3, 1), WHITE)
    picture.putpixel((0, 0), (0, 0, 0))
    picture.putpixel((1, 0), RED)
    if mode == "LAB":
        picture = Image.new("LAB", (3, 1), (255, 128, 128))
        picture.putpixel((0, 0), (0, 128, 128))
        picture.putpixel((1, 0), (136, 208, 195))
    else:
        picture = picture.convert(mode)
    (black, middle, white) = pixels(picture)[0]
    assert max(black) < 8
    assert min(white) > 247
    if mode not in {"1", "L"}:
        assert middle[0] > 230
        assert max(middle[1:]) < 30


def test_a_cmyk_jpeg_is_not_inverted():
    page = only_page(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95))
    red, green, blue = page.getpixel((8, 8))
    assert red > 240
    assert max(green, blue) < 20


def test_sixteen_bit_grey_is_scaled_not_cut():
    values = np.array([[0, 257, 128 * 257, 65535]], np.uint16)
    expected = [[[0] * 3, [1] * 3, [128] * 3, [255] * 3]]
    for format_ in ("PNG", "TIFF"):
        assert pixels(encoded(Image.fromarray(values), format_)) == expected
    assert pixels(Image.fromarray(values)) == expected


def test_sixteen_bit_tiff_with_white_as_zero_is_turned_round():
    tiff = encoded(Image.fromarray(np.array([[0, 65535]], np.uint16)), "TIFF", tiffinfo={262: 0})
    assert Image.open(io.BytesIO(tiff)).tag_v2[262] == 0
    assert pixels(tiff) == [[[255] * 3, [0] * 3]]


def test_big_endian_sixteen_bit_is_read():
    assert pixels(Image.frombytes("I;16B", (2, 1), struct.pack(">2H", 0, 65535))) == [[[0] * 3, [255] * 3]]


@pytest.mark.parametrize(
    ("mode", "values", "expected"),
    [
        ("I", [0, 65535], [0, 255]),
        ("I", [0, 255], [0, 255]),
        ("F", [0.0, 1.0], [0, 255]),
        ("F", [0.0, 255.0], [0, 255]),
        ("F", [0.0, 65535.0], [0, 255]),
    ],
)
def test_modes_without_a_white_point_are_read_by_their_range(mode, values, expected):
    picture = Image.new(mode, (2, 1))
    picture.putdata(values) if not hasattr(picture, "get_flattened_data") else [
        picture.putpixel((x, 0), value) for x, value in enumerate(values)
    ]
    assert pixels(picture) == [[[value] * 3 for value in expected]]


@pytest.mark.parametrize(("mode", "value"), [("I", -1), ("I", 70000), ("F", -0.5), ("F", float("nan")), ("F", 1e9)])
def test_values_that_mean_nothing_are_refused(mode, value):
    with pytest.raises(ImageError, match="convert it to 8 bits"):
        only_page(Image.new(mode, (1, 1), value))


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_picture_upright(format_, orientation):
    upright = Image.new("RGB", (48, 32), WHITE)
    ImageDraw.Draw(upright).rectangle((0, 0, 23, 15), fill=RED)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose members that store it so
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(format_, {})
    page = only_page(encoded(stored, format_, exif=exif, **options))
    assert page.size == (48, 32)
    (grey,) = imaging.open_pages(encoded(stored.convert("L"), format_, exif=exif, **options), grey=True)
    assert grey.size == (48, 32)
    assert grey.getpixel((5, 5)) < 100
    assert grey.getpixel((42, 28)) > 200
    assert page.getpixel((5, 5))[1] < 40
    assert all(page.getpixel(where)[1] > 200 for where in [(42, 5), (5, 28), (42, 28)])


def test_broken_exif_does_not_lose_the_picture():
    content = encoded(gradient(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow says that it is corrupt
        assert only_page(content).size == gradient().size


# --- pages and frames ----------------------------------------------------------------------------------------------

COLOURS = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG", "TIFF", "PDF"])
def test_every_page_and_frame_is_given_in_order(format_):
    first, *rest = [Image.new("RGB", (20, 10), colour) for colour in COLOURS]
    options = {} if format_ in {"TIFF", "PDF"} else {"duration": 100}
    content = encoded(first, format_, save_all=True, append_images=rest, **options)
    pages = list(imaging.open_pages(content))
    centres = [page.getpixel((page.width // 2, page.height // 2)) for page in pages]
    assert [max(range(3), key=centre.__getitem__) for centre in centres] == [0, 1, 2]
    assert [number for number, _ in imaging.numbered_pages(content)] == [1, 2, 3]
    greys = [np.asarray(page).tolist() for page in imaging.open_pages(content, grey=True)]
    assert greys == [np.asarray(page.convert("L")).tolist() for page in pages]


def test_a_frame_that_shows_what_the_last_one_showed_is_left_out_and_counted():
    frames = [Image.new("RGB", (8, 8), colour) for colour in [RED, WHITE, RED]]
    frames[1].putpixel((0, 0), (254, 254, 254))
    content = encoded(frames[0], "WEBP", save_all=True, append_images=[frames[0], *frames[1:]], lossless=True)
    assert Image.open(io.BytesIO(content)).n_frames in {3, 4}
    numbers = [number for number, _ in imaging.numbered_pages(content)]
    assert len(numbers) == 3
    assert numbers[-1] == Image.open(io.BytesIO(content)).n_frames


def test_frames_are_told_apart_though_the_caller_draws_on_them():
    frames = [Image.new("RGB", (8, 8), colour) for colour in [RED, WHITE]]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    shown = []
    for page in imaging.open_pages(content):
        shown.append(page.getpixel((7, 7)))
        page.paste(WHITE, (0, 0, 8, 8))
    assert shown == [RED, WHITE]


def test_equal_pages_of_a_tiff_are_pages_all_the_same():
    page = Image.new("L", (8, 8), 90)
    assert len(list(imaging.open_pages(encoded(page, "TIFF", save_all=True, append_images=[page])))) == 2


def test_a_tiffs_reduced_copy_of_a_page_is_left_out():
    small = Image.new("L", (4, 4), 90)
    small.encoderinfo = {"tiffinfo": {254: 1}}
    content = encoded(Image.new("L", (8, 8), 90), "TIFF", save_all=True, append_images=[small])
    assert [page.size for page in imaging.open_pages(content)] == [(8, 8)]


def test_pages_are_decoded_one_at_a_time():
    frames = [Image.new("RGB", (8, 8), colour) for colour in COLOURS]
    content = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:2])
    pages = imaging.open_pages(content[:-20])  # the last pixels of page 2 are not there
    assert next(pages).getpixel((0, 0)) == COLOURS[0]
    with pytest.raises(ImageError, match=r"<bytes>: page 2: "):
        list(pages)


def test_a_pil_image_is_the_frame_it_stands_at():
    frames = [Image.new("RGB", (8, 8), colour) for colour in COLOURS]
    picture = Image.open(io.BytesIO(encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])))
    picture.seek(1)
    assert only_page(picture).getpixel((0, 0)) == COLOURS[1]


def test_the_second_picture_of_a_cameras_jpeg_is_no_page():
    first, second = (Image.new("RGB", (16, 16), colour) for colour in COLOURS[:2])
    content = encoded(first, "MPO", save_all=True, append_images=[second])
    assert only_page(content).getpixel((8, 8))[0] > 150


def test_a_pdf_is_rendered_at_150_dots_an_inch():
    assert only_page(encoded(Image.new("RGB", (144, 72), WHITE), "PDF", resolution=72)).size == (300, 150)


def test_a_poster_in_pdf_is_rendered_smaller_rather_than_refused():
    content = encoded(Image.new("1", (1000, 500), 1), "PDF", resolution=5)
    page = only_page(content, max_pixels=1_000_000)
    assert 900_000 < page.width * page.height <= 1_000_000


def test_pdf_without_its_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pypdfium2", None)
    with pytest.raises(MissingExtraError, match=r'pip install "elasticache-police\[pdf\]"'):
        list(imaging.open_pages(encoded(gradient(), "PDF")))


# --- what is refused, by name and with a remedy --------------------------------------------------------------------


def png_header(width: int, height: int) -> bytes:
    """A tiny file that declares an enormous picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [9_460, 12_000, 20_000, 65_000, 2**31 - 1])
def test_a_decompression_bomb_is_refused_before_it_goes_off(side):
    for action in ("error", "ignore"):  # Pillow only warns of the smaller ones
        with warnings.catch_warnings():
            warnings.simplefilter(action, Image.DecompressionBombWarning)
            with pytest.raises(ImageError, match="too large"):
                list(imaging.open_pages(png_header(side, side)))


def test_max_pixels_is_the_callers_to_set():
    assert only_page(np.zeros((10, 10), np.uint8), max_pixels=100).size == (10, 10)
    for image in (np.zeros((10, 11), np.uint8), Image.new("L", (11, 10)), encoded(Image.new("L", (11, 10)))):
        with pytest.raises(ImageError, match=r"11 x 10 pixels where 100 in all"):
            list(imaging.open_pages(image, max_pixels=100))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"hello", "PNG, JPEG, WebP, GIF, BMP, TIFF or PDF is needed"),
        (b"BMW builds cars", "is not a picture"),
        (b"\x89PNG\r\n\x1a\n", "download or export it again"),
        (b"%PDF-1.7\nnonsense", "is a damaged PDF"),
        (b"PK\x03\x04rest", "export slides or documents as PDF"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "render it to PNG"),
        (b"<!DOCTYPE html><title>404</title>", "is a web page"),
        (b"\0\0\0\x1cftypavif", "convert it to PNG or JPEG"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_remedy(tmp_path, content, says):
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    with pytest.raises(ImageError) as caught:
        list(imaging.open_pages(path))
    assert caught.value.source == str(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)
    assert caught.value.advice


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PDF"])
def test_a_file_cut_in_half_is_refused(format_):
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8))
    content = encoded(noise, format_)
    with pytest.raises(ImageError, match="again"):
        list(imaging.open_pages(content[: len(content) // 2], source="half"))


def test_paths_that_cannot_be_opened_are_refused(tmp_path):
    for path, says in [
        (tmp_path / "none.png", "no such file"),
        (tmp_path, "is a folder"),
        ("https://example.com/x.png", "download it"),
        ("a\0b", "cannot be opened"),
    ]:
        with pytest.raises(ImageError, match=says):
            list(imaging.open_pages(path))


def test_streams_that_are_none_are_refused(tmp_path):
    closed = io.BytesIO(b"x")
    closed.close()
    endless = type("Endless", (), {"read": lambda self, n: b"x" * n})()
    for stream, says in [
        (io.StringIO("text"), "binary mode"),
        (closed, "cannot be read"),
        (endless, "is longer than 256 MiB"),
        (7, "int is not a picture"),
        (None, "NoneType is not a picture"),
    ]:
        with pytest.raises(ImageError, match=says):
            list(imaging.open_pages(stream))


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((3, 40, 40), np.uint8), "shape 3x40x40"),
        (np.zeros((40, 40, 2), np.uint8), "shape 40x40x2"),
        (np.zeros((1, 40, 40, 3), np.uint8), "batch"),
        (np.zeros(40, np.uint8), "shape 40"),
        (np.zeros((0, 40), np.uint8), "no pixels"),
        (np.zeros((4, 4), np.int64), "dtype int64"),
        (np.zeros((4, 4), np.uint16), "dtype uint16"),
        (np.zeros((4, 4), bool), "dtype bool"),
        (np.zeros((4, 4), complex), "dtype complex"),
        (np.zeros((4, 4), object), "dtype object"),
        (np.full((4, 4), 255.0), r"255\.\.255"),
        (np.full((4, 4), -0.1), r"-0\.1"),
        (np.full((4, 4), np.nan), "nan"),
        (np.full((4, 4), np.inf), "inf"),
    ],
)
def test_an_ambiguous_array_is_refused(array, says):
    with pytest.raises(ImageError, match=says) as caught:
        list(imaging.open_pages(array))
    assert caught.value.advice


@hypothesis.given(
    npst.arrays(
        np.uint8,
        st.one_of(
            st.tuples(st.integers(1, 12), st.integers(1, 12)),
            st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3, 4])),
        ),
    )
)
def test_arrays_keep_their_size_and_opaque_pixels(array):
    page = np.asarray(only_page(array))
    assert page.shape == (*array.shape[:2], 3)
    if array.ndim == 2 or array.shape[2] == 1:
        assert (page == array.reshape(*array.shape[:2], 1)).all()
    elif array.shape[2] == 3:
        assert (page == array).all()
    else:
        opaque, clear = array[:, :, 3] == 255, array[:, :, 3] == 0
        assert (page[opaque] == array[opaque][:, :3]).all()
        assert (page[clear] == 255).all()


@hypothesis.settings(max_examples=150)
@hypothesis.given(data=st.data(), format_=st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PDF"]))
def test_damaged_files_give_pages_or_an_image_error_and_nothing_else(data, format_):
    second = [gradient().rotate(180)] if format_ in {"GIF", "TIFF", "PDF", "WEBP"} else []
    content = bytearray(encoded(gradient(), format_, **({"save_all": True, "append_images": second} if second else {})))
    for _ in range(data.draw(st.integers(0, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pages = list(imaging.open_pages(bytes(content[:cut]), source="fuzz", max_pixels=1_000_000))
        except ImageError as error:
            assert str(error).startswith("fuzz: ")  # noqa: PT017  either outcome is right
        else:
            assert all(page.mode == "RGB" for page in pages)


@hypothesis.given(st.binary(max_size=200))
def test_random_bytes_are_refused_politely(content):
    try:
        pages = list(imaging.open_pages(content))
    except ImageError as error:
        assert error.advice  # noqa: PT017  either outcome is right
    else:
        assert pages


# --- what the networks see -----------------------------------------------------------------------------------------


def test_grey_is_the_luma_of_bt_601():
    page = Image.new("RGB", (4, 1), (0, 0, 0))
    for x, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), WHITE]):
        page.putpixel((x, 0), colour)
    grey = imaging.to_grey(page)
    assert grey.dtype == np.uint8
    assert grey.tolist() == [[76, 150, 29, 255]]


@pytest.mark.parametrize("wrap", [lambda a: a, Image.fromarray, lambda a: encoded(Image.fromarray(a))])
def test_the_storys_picture_becomes_the_storys_numbers(wrap):
    array = np.random.default_rng(7).integers(0, 256, (50, 700), np.uint8)
    tensor = imaging.crop_to_tensor(wrap(array))
    assert tensor.dtype == np.float32
    assert tensor.shape == (50, 700, 1)
    assert np.array_equal(tensor[:, :, 0], ((array - 127.5) / 127.5).astype(np.float32))


def test_the_classic_line_is_a_copy_of_the_callers_pixels():
    given = np.full((50, 700), 9, np.uint8)
    line = imaging.crop_to_line(given)
    line[:] = 0
    assert (given == 9).all()


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"),
    [(25, 100, (0, 50), 200), (100, 300, (0, 50), 150), (20, 1400, (20, 30), 700)],
)
def test_a_crop_of_another_size_keeps_its_proportions(height, width, rows, columns):
    crop = np.full((height, width), 40, np.uint8)
    crop[0], crop[-1], crop[:, 0], crop[:, -1] = 200, 200, 200, 200
    line = imaging.crop_to_line(crop)
    ink = np.argwhere(line < 120)
    top, bottom = rows
    assert abs(int(ink[:, 0].min()) - top) <= 3
    assert abs(int(ink[:, 0].max()) + 1 - bottom) <= 3
    assert abs(int(ink[:, 1].max()) + 1 - columns) <= 3
    assert (line[:, columns:] == 200).all()


@hypothesis.given(st.integers(1, 120), st.integers(1, 900), st.integers(0, 255))
def test_a_plain_crop_of_any_size_becomes_a_plain_line(height, width, shade):
    assert (imaging.crop_to_line(np.full((height, width), shade, np.uint8)) == shade).all()


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PDF"])
def test_pictures_are_known_by_their_first_bytes(format_):
    assert imaging.looks_like_a_picture(encoded(gradient(), format_)[:1024])


@pytest.mark.parametrize("head", [b"", b"# README", b"BMW", b"RIFF....WAVE", b"PK\x03\x04"])
def test_other_files_are_not_taken_for_pictures(head):
    assert not imaging.looks_like_a_picture(head)


@hypothesis.given(st.integers(0, 2**32 - 1))
@hypothesis.settings(deadline=None, max_examples=60)
def test_pictures_are_resampled_along_rows_first_whatever_pillow_prefers(seed):
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(rng.integers(0, 256, rng.integers(8, 200, 2), np.uint8))
    left, top = rng.uniform(0, picture.width / 2), rng.uniform(0, picture.height / 2)
    right, bottom = rng.uniform(left + 2, picture.width), rng.uniform(top + 2, picture.height)
    width, height = (int(side) for side in rng.integers(1, 260, 2))
    across = picture.resize((width, picture.height), Image.Resampling.BILINEAR, (left, 0, right, picture.height))
    down = across.resize((width, height), Image.Resampling.BILINEAR, (0, top, width, bottom))
    part = resized(picture, (width, height), (left, top, right, bottom))
    # Only what rounding to float32 makes of edges that are told from another row may differ.
    assert np.abs(np.asarray(part, np.int16) - np.asarray(down)).max() <= 1
    assert (np.asarray(part) != np.asarray(down)).mean() < 0.01
