"""The deployed graph and the local runtime are one model: the same places, readings, verdicts and scores."""

from __future__ import annotations

import base64
import io
import json

import attrs
import numpy as np
import pytest
from drawing import askew_labels, cut_out, encoded, line, page, stacked_page, transparent
from PIL import Image, ImageDraw

from elasticache_police.errors import ModelFileError
from elasticache_police.findings import Verdict
from elasticache_police.imaging import crop_to_line, crop_to_tensor, open_pages, to_grey
from elasticache_police.runtime import Runtime, lines, tilted
from elasticache_police.runtime.alphabet import BLANK, CLASSES, encode
from elasticache_police.runtime.engine import margin_of
from elasticache_police.runtime.judging import LOOKS, window_of
from elasticache_police.runtime.packed import KEPT, findings_from_outputs, unpack
from elasticache_police.runtime.reading import read, softmax
from elasticache_police.runtime.scoring import spelled

pytestmark = pytest.mark.train

BOX_PX = 2
SCORE = 2e-2
FRAME = 1e-3
"""Float16 numbers and what is too unlikely to be listed; the pixels and the network are the same."""


def grey_of(content):
    """Return the pixels that the local runtime would look at."""
    return to_grey(next(open_pages(content)))


def row(outputs, number=0):
    """Return one picture's outputs as they come out of JSON."""
    values = {name: value[number] for name, value in outputs.items()}
    looks = [{"b64": base64.b64encode(item).decode()} for item in values.pop("looks_bytes")]
    return json.loads(json.dumps({"count": int(values["count"]), "looks_bytes": looks}))


def assert_same(remote, local):
    assert [(f.verdict, f.reading, f.kind, f.name) for f in remote] == [
        (f.verdict, f.reading, f.kind, f.name) for f in local
    ]
    for a, b in zip(remote, local, strict=True):
        assert np.abs(np.subtract(a.box, b.box)).max() <= BOX_PX
        assert a.score == pytest.approx(b.score, abs=SCORE)


PAGES = {
    "PNG": lambda: encoded(page()),
    "PNG with alpha": lambda: encoded(transparent(page())),
    "grey PNG": lambda: encoded(page().convert("L")),
    "grey PNG with alpha": lambda: encoded(transparent(page()).convert("LA")),
    "palette PNG": lambda: encoded(page().convert("P")),
    "two-colour PNG": lambda: encoded(page().convert("1", dither=Image.Dither.NONE)),
    "16-bit PNG": lambda: encoded(Image.fromarray(np.asarray(page().convert("L")).astype(np.uint16) * 257)),
    "JPEG": lambda: encoded(page(), "JPEG", quality=80),
    "grey JPEG": lambda: encoded(page().convert("L"), "JPEG", quality=85),
    "dark page": lambda: encoded(page(ink=(235, 240, 245), ground=(20, 30, 60))),
    "odd size": lambda: encoded(page(size=(437, 221))),
}


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_has_the_same_findings_here_and_there(kind, runtime, served):
    """Also pins that the graph decodes this kind of file as Pillow does."""
    content = PAGES[kind]()
    local = runtime.inspect_page(grey_of(content))
    remote = findings_from_outputs(row(served("inspect", image_bytes=[content])), runtime.names)
    assert local, "the test needs a page with findings"
    assert_same(remote, local)


def test_a_name_broken_over_two_lines_is_found_here_and_there(runtime, served):
    content = encoded(stacked_page())
    local = runtime.inspect_page(grey_of(content))
    assert [finding.reading for finding in local] == ["Elastic Cache"]
    remote = findings_from_outputs(row(served("inspect", image_bytes=[content])), runtime.names)
    assert_same(remote, local)


def test_pages_of_several_sizes_in_one_request_are_padded_and_answered_in_order(runtime, served):
    pages = [encoded(page(), "JPEG", quality=90), encoded(Image.new("L", (90, 40), 200)), encoded(page(size=(300, 64)))]
    outputs = served("inspect", image_bytes=pages)
    assert outputs["width"].tolist() == [430, 90, 300]
    assert outputs["height"].tolist() == [230, 40, 64]
    for number, content in enumerate(pages):
        assert_same(findings_from_outputs(row(outputs, number), runtime.names), runtime.inspect_page(grey_of(content)))
        count = outputs["count"][number]
        assert all(outputs["readings"][number][:count])
        assert not any(outputs["readings"][number][count:])
        assert not outputs["boxes"][number][count:].any()


@pytest.mark.parametrize("font_px", [14, 30, 110])
def test_a_word_cut_out_just_so_is_found_here_and_there(font_px, runtime, served):
    content = encoded(cut_out("ElasticCache", font_px=font_px))
    local = runtime.inspect_page(grey_of(content))
    outputs = served("inspect", image_bytes=[content])
    assert_same(findings_from_outputs(row(outputs), runtime.names), local)
    (found,) = local
    assert found.verdict is Verdict.MISSPELLED
    width, height = int(outputs["width"][0]), int(outputs["height"][0])
    assert found.box[0] < 0.1 * width
    assert found.box[2] > 0.9 * width
    assert (outputs["boxes"][0, 0] <= [width, height, width, height]).all()


def test_the_plain_outputs_say_where_what_stands_and_how_surely_it_is_right(runtime, served):
    content = encoded(page())
    outputs = served("inspect", image_bytes=[content])
    for finding in runtime.inspect_page(grey_of(content)):
        middle = (finding.box[0] + finding.box[2]) / 2, (finding.box[1] + finding.box[3]) / 2
        holds = [
            (score, reading.decode())
            for (x0, y0, x1, y1), score, reading in zip(
                outputs["boxes"][0], outputs["scores"][0], outputs["readings"][0], strict=True
            )
            if x0 <= middle[0] <= x1 and y0 <= middle[1] <= y1
        ]
        assert any(finding.reading in reading for _, reading in holds)
        assert any((score >= 0.5) == (finding.score >= 0.5) for score, _ in holds)


def test_the_plain_outputs_hold_names_and_near_misses_only(served):
    """The finder proposes words that are merely alike; whoever reads the plain outputs must not take them for wrong."""
    from elasticache_police.spelling import distance

    outputs = served("inspect", image_bytes=[encoded(page())])
    readings = [reading.decode() for reading in outputs["readings"][0]]
    assert outputs["count"].tolist() == [len(readings)]
    for reading in readings:
        letters = reading.lower().replace(" ", "")
        parts = [letters[i : i + n] for n in range(9, 14) for i in range(len(letters))]
        assert min(distance(part, "elasticache") for part in parts) <= 2, reading


def test_every_place_of_the_local_finder_is_among_the_places_with_its_own_frames(runtime, served):
    """Holds the parts together one by one: pyramid, finder, merging, windows, resampling, reader, packing."""
    content = encoded(page())
    picture = Image.fromarray(grey_of(content))
    outputs = served("inspect", image_bytes=[content])
    proposals = runtime._places(runtime._levels(picture), margin_of(picture))
    assert outputs["places"].shape == (1, len(proposals), 5)
    looked_again = 0
    for proposal, place, looks in zip(proposals, outputs["places"][0], outputs["looks_bytes"][0], strict=True):
        assert place == pytest.approx([proposal.score, proposal.x0, proposal.y0, proposal.x1, proposal.y1], abs=0.02)
        packed = unpack(looks)
        assert (packed.width, packed.height) == picture.size
        seen = 0
        for number in range(len(LOOKS)):
            if number and len(packed.frames[number]) == 1:
                continue  # the first look was enough
            seen += 1
            window = window_of(packed.proposal, number)
            line_px = lines.cut(picture, window)[None, :, :, None]
            expected = softmax(runtime._run(runtime._reader, line_px)[0], runtime.settings.temperature)
            assert packed.frames[number].shape == expected.shape
            assert packed.frames[number].sum(axis=1) == pytest.approx(1, abs=2e-3)
            likeliest = expected.argmax(axis=1)[:, None]
            there = np.take_along_axis(packed.frames[number], likeliest, axis=1)
            listed = np.sort(expected, axis=1)[:, -KEPT:].sum(axis=1, keepdims=True)
            assert (np.abs(there - expected.max(axis=1, keepdims=True)) < 1 - listed + FRAME).all()
            unlisted = np.sort(expected, axis=1)[:, -KEPT - 1]  # at most; they share what is left
            assert (np.abs(packed.frames[number] - expected).max(axis=1) < unlisted + FRAME).all()
            assert spelled(packed.frames[number], "ElastiCache") == pytest.approx(
                spelled(expected, "ElastiCache"), abs=FRAME
            )
        assert seen in {1, len(LOOKS)}
        looked_again += seen > 1
    assert looked_again


def floor(picture, turn):
    """Return a picture lying on the floor of an isometric drawing, with the lines of that floor."""
    from elasticache_police.runtime import isometric

    size = (760, 560)
    a, b, c, d, e, f = isometric.to_page(turn, *size)
    plain = Image.new("L", isometric.upright_size(*size), 245)
    draw = ImageDraw.Draw(plain)
    for at in range(0, max(plain.size), 90):
        draw.line((at, 0, at, plain.height), fill=150, width=4)
        draw.line((0, at, plain.width, at), fill=150, width=4)
    plain.paste(picture.convert("L"), ((plain.width - picture.width) // 2, (plain.height - picture.height) // 2))
    matrix = np.linalg.inv([[a, b, c], [d, e, f], [0, 0, 1]])
    return plain.transform(size, Image.Transform.AFFINE, matrix.ravel()[:6].tolist(), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("turn", [3, 4])
def test_labels_on_the_floor_of_an_isometric_drawing_are_found_here_and_there(turn, runtime, served):
    picture = floor(page(size=(430, 140)), turn)
    content = encoded(picture)
    local = runtime.inspect_page(grey_of(content))
    assert {finding.reading for finding in local} >= {"ElastiCache", "ElasticCache"}
    for finding in local:
        assert 0 <= finding.box[0] < finding.box[2] <= picture.width
        assert 0 <= finding.box[1] < finding.box[3] <= picture.height
    assert_same(findings_from_outputs(row(served("inspect", image_bytes=[content])), runtime.names), local)


def test_a_session_as_tensorflow_serving_has_one_answers_alike(runtime, exported):
    """It lowers loops and calls in another way than what runs functions of TensorFlow 2, and refused graphs of ours."""
    from elasticache_police.serving.servable import load

    model = load(exported.saved_model)
    level = page().convert("L")
    climbing = Image.new("L", (300, 500), 255)
    climbing.paste(level.crop((0, 0, 430, 230)).rotate(90, expand=True), (35, 30))
    askew = level.rotate(-4, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    contents = [encoded(level), encoded(climbing), encoded(askew), encoded(floor(page(size=(430, 140)), 3))]
    answers = model.run(model.signatures["inspect"], {"image_bytes": np.array(contents, object)})
    for number, content in enumerate(contents):
        local = runtime.inspect_page(grey_of(content))
        assert local
        assert_same(findings_from_outputs(row(answers, number), runtime.names), local)


@pytest.mark.parametrize("degrees", [-5, 3])
def test_a_tilted_page_is_read_upright_here_and_there(degrees, runtime, served):
    picture = page().convert("L").rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    content = encoded(picture)
    local = runtime.inspect_page(grey_of(content))
    level = runtime.inspect_page(grey_of(encoded(page())))
    assert [(f.reading, f.verdict) for f in local] == [(f.reading, f.verdict) for f in level]
    for finding in local:
        assert 0 <= finding.box[0] < finding.box[2] <= picture.width
        assert 0 <= finding.box[1] < finding.box[3] <= picture.height
    outputs = served("inspect", image_bytes=[content])
    packed = [unpack(looks) for looks in outputs["looks_bytes"][0]]
    assert all(place.region is not None and degrees * place.region.tilt > 0 for place in packed)
    assert_same(findings_from_outputs(row(outputs), runtime.names), local)


def test_the_tilt_of_a_page_is_told_alike(runtime):
    import tensorflow as tf

    from elasticache_police.model.graph import tilted as graph

    on_page = tilted.APART_CELLS, tilted.ROWS_ON_A_PAGE, tilted.SAME_LINE
    for degrees in (0, 2, -4, 7, 30):
        picture = page().convert("L").rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
        levels = runtime._levels(picture)
        pairs = [graph.slopes(tf.constant(cells), *on_page) for cells, _ in levels[: tilted.TILT_LEVELS]]
        slopes = tf.concat(pairs, axis=0)[:, 0]
        tilt = tilted.measured(levels)
        assert int(graph.measured(slopes)) == tilt
        assert int(graph.plausible(tf.constant(tilt))) == tilted.plausible(tilt)
    nothing = np.full((5, 6, 8), -1, np.float32)
    slopes = graph.slopes(tf.constant(nothing), *on_page)[:, 0]
    assert int(graph.measured(slopes)) == tilted.measured([(nothing, 1.0)]) == 0


@pytest.mark.parametrize("degrees", [(8, -8), (-10, 6), (40, -33), (72, -66), (-78, 82)])
def test_a_label_that_lies_askew_on_a_level_page_is_read_upright_here_and_there(degrees, runtime, served):
    content = encoded(askew_labels(*degrees))
    local = runtime.inspect_page(grey_of(content))
    assert [finding.reading for finding in local] == ["ElasticCache", "ElastiCache"]
    outputs = served("inspect", image_bytes=[content])
    regions = {unpack(looks).region for looks in outputs["looks_bytes"][0]} - {None}
    assert {region.tilt > 0 for region in regions} == {True, False}
    assert_same(findings_from_outputs(row(outputs), runtime.names), local)


@pytest.mark.parametrize("degrees", [(8, -40), (40, -33), (-45, 45)])
@pytest.mark.parametrize("picky", [False, True])
def test_the_surroundings_of_labels_that_lie_askew_are_told_alike(degrees, picky, runtime):
    """Told to be surer than it is of any steep label, the finder points at them as at weaker places."""
    import tensorflow as tf

    from elasticache_police.model.graph import places as graph
    from elasticache_police.runtime.turned import Region, labels

    picture = askew_labels(*degrees)
    levels = runtime._levels(picture)
    local = Runtime.load()
    seen = local._places(levels, 0)
    if picky:
        steep = [abs(tilt) >= tilted.STEEP for tilt in tilted.label_tilts(levels, seen)]
        surest = max(place.score for place, is_steep in zip(seen, steep, strict=True) if is_steep)
        local.settings = attrs.evolve(local.settings, find_threshold=surest + 0.001)
    threshold = local.settings.find_threshold
    places = local._places(levels, 0)
    weaker = local._weaker(levels, 0, places)
    askew, expected = labels(levels, places, weaker, width=picture.width, height=picture.height)
    assert {region.tilt > 0 for region in expected} == {degree > 0 for degree in degrees}
    assert not picky or set(askew) & set(weaker)
    grey = tf.constant(np.asarray(picture))
    there, unsure, _, _, pairs = graph.look_over(
        grey, lambda level: runtime._cells(Image.fromarray(level.numpy())), threshold=threshold
    )
    is_askew, regions = graph.labels(there, unsure, pairs, tf.shape(grey))
    assert is_askew.numpy().tolist() == [place in askew for place in places]
    assert [Region(*map(int, region)) for region in regions] == expected


@pytest.mark.parametrize("box", [(0, 0, 103, 57), (21, 8, 90, 50)])
@pytest.mark.parametrize(("turn", "tilt"), [(1, 0), (2, 0), (3, 0), (4, 0), (5, 90), (5, -33), (5, 450)])
def test_a_picture_is_turned_upright_alike(turn, tilt, box):
    import tensorflow as tf

    from elasticache_police.model.graph import places as graph
    from elasticache_police.runtime.turned import Region

    noise = np.random.default_rng(5).integers(0, 256, (57, 103), np.uint8)
    region = Region(turn, *box, tilt)
    expected = np.asarray(region.upright(Image.fromarray(noise)))
    there = tf.constant([turn, *box, tilt])
    off = np.abs(graph.upright(tf.constant(noise), there).numpy().astype(int) - expected)
    assert off.max() <= 1
    assert np.count_nonzero(off) < 0.002 * off.size
    boxes = [(10, 20, 40, 31), (0, 0, 5, 9)]
    lie = graph.on_page(tf.constant(boxes, tf.float32), there).numpy()
    for upright, other in zip(boxes, lie, strict=True):
        assert np.abs(np.subtract(region.on_page(upright), other)).max() <= 1


def test_a_drawing_is_told_from_other_pictures_alike():
    import tensorflow as tf

    from elasticache_police.model.graph import isometric as graph
    from elasticache_police.runtime import isometric

    noise = np.random.default_rng(5).integers(0, 256, (57, 103), np.uint8)
    for grey, verdict in (
        (np.asarray(floor(page(size=(430, 140)), 3)), True),
        (np.asarray(floor(page(size=(430, 140)), 4)), True),
        (np.asarray(page().convert("L")), False),
        (noise, False),
        (noise[:3], False),
    ):
        assert isometric.is_isometric(grey) is verdict
        assert bool(graph.is_isometric(tf.constant(grey))) is verdict


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_photograph_is_turned_as_its_exif_data_says(orientation, order):
    """Also what EXIF data says that is no orientation, 0 and 9, is taken as Pillow takes it."""
    import tensorflow as tf

    from elasticache_police.model.graph.pictures import grey_pixels

    exif = Image.Exif()
    exif.endian = order
    exif[0x010F] = "a camera"
    exif[0x0112] = orientation
    content = encoded(page().crop((0, 0, 120, 70)), "JPEG", quality=92, exif=exif)
    assert Image.open(io.BytesIO(content)).getexif()[0x0112] == orientation
    np.testing.assert_array_equal(grey_pixels(tf.constant(content), max_pixels=10**6), grey_of(content))


def test_damaged_exif_data_leaves_a_photograph_as_it_is():
    import tensorflow as tf

    from elasticache_police.model.graph.exif import orientation

    exif = Image.Exif()
    exif[0x0112] = 6
    whole = encoded(page(), "JPEG", exif=exif)
    at = whole.index(b"Exif")
    assert int(orientation(tf.constant(whole))) == 6
    assert int(orientation(tf.constant(whole[: at + 3]))) == 1
    for end in range(at + 6, at + 30):
        assert 1 <= int(orientation(tf.constant(whole[:end]))) <= 8
    assert int(orientation(tf.constant(whole[: at + 10] + b"\xff" * 8 + whole[at + 18 :]))) == 1
    assert int(orientation(tf.constant(b"\xff\xd8"))) == 1


CROPS = {
    "the classic size": line("Amazon ElastiCache"),
    "misspelled": line("Amazon ElasticCache"),
    "capitals": line("ELASTICACHE FOR REDIS", font_px=28),
    "another hand": line("ElastiCache", font="RoutedGothic.ttf"),
    "light on dark": Image.eval(line("Amazon Elasticache"), lambda v: 255 - v),
    "larger": line("Amazon ElastiCache", font_px=64, size=(980, 90)),
    "small": line("ElasticCache for Valkey", font_px=15, size=(210, 24), at=(4, 3)),
    "far apart": line("Elasti                    Cache"),
    "glued to an abbreviation": line("AWSElastiCache"),
    "glued to another word": line("ElastiCacheClient"),
    "nothing": Image.new("L", (700, 50), 230),
}


def test_a_long_silence_is_a_space_here_and_there():
    import tensorflow as tf

    from elasticache_police.model.graph.letters import spaced

    rng = np.random.default_rng(3)
    signs = np.array([BLANK, *encode("aC ")])
    said_lines = []
    for length in (1, 40, 90, 200, 260):
        said = signs[rng.choice(len(signs), size=length, p=[0.93, 0.03, 0.02, 0.02])]
        said_lines.append(np.eye(CLASSES, dtype=np.float32)[said] * 0.9 + np.float32(0.1 / CLASSES))
    said_lines.append(np.eye(CLASSES, dtype=np.float32)[np.full(30, BLANK)])
    lengths = [len(frames) for frames in said_lines]
    together = tf.ragged.stack(said_lines).to_tensor()
    there = spaced(together, tf.constant(lengths)).numpy()
    here = [read(frames).frames for frames in said_lines]
    assert sum(not np.array_equal(a, b) for a, b in zip(here, said_lines, strict=True)) >= 3
    for frames, padded, length in zip(here, there, lengths, strict=True):
        np.testing.assert_array_equal(padded[:length], frames)
        np.testing.assert_array_equal(padded[length:], 0.0)


def test_the_rival_of_a_name_counts_as_much_here_and_there():
    import tensorflow as tf

    from elasticache_police.model.graph.letters import says_otherwise
    from elasticache_police.runtime.classifying import _other

    generator = np.random.default_rng(5)
    names = ("ElastiCache", "GitHub")
    lines = []
    texts = ("Amazon ElastiCache", "GitHub", "ELASTICACHE.", "my Elasti Cache", "GitHubs", "")
    texts += ("AWSElastiCache", "GitHubA", "EElastiCache", "GitHubClient", "ElastiCacheSG", "ElastiCacheS")
    for number in range(120):
        text = texts[number % len(texts)]
        said = np.full(4 * len(text) + 9, BLANK)
        said[2 : 4 * len(text) + 2 : 4] = encode(text)
        frames = np.eye(CLASSES)[said] + generator.gamma(0.003, 0.5, (len(said), CLASSES))
        lines.append((frames / frames.sum(axis=1, keepdims=True)).astype(np.float32))
    lengths = tf.constant([len(frames) for frames in lines])
    there = tf.function(says_otherwise)(tf.ragged.stack(lines).to_tensor(), lengths, names).numpy()
    here = [_other(read(frames), names) for frames in lines]
    np.testing.assert_allclose(there, [weight for _, weight in here], rtol=1e-4, atol=1e-7)
    assert sum(text != read(frames).text for (text, _), frames in zip(here, lines, strict=True)) > 10


def test_a_tensor_of_lines_has_the_same_scores_here_and_there(runtime, served):
    tensor = np.stack([crop_to_tensor(crop) for crop in CROPS.values()])
    local = [one.score for one in runtime.classify_lines(np.stack([crop_to_line(crop) for crop in CROPS.values()]))]
    together = served("serving_default", image=tensor)["score"]
    assert together.shape == (len(CROPS), 1)
    assert together[:, 0] == pytest.approx(local, abs=1e-3)
    alone = served("serving_default", image=tensor[:1])["score"]
    assert alone[0, 0] == pytest.approx(local[0], abs=1e-3)


def test_encoded_crops_of_any_size_have_the_same_scores_here_and_there(runtime, served):
    contents = [encoded(crop) for crop in CROPS.values()]
    contents += [encoded(CROPS["misspelled"], "JPEG", quality=85), encoded(transparent(CROPS["small"]))]
    said_lines = np.stack([crop_to_line(content) for content in contents])
    local = [classification.score for classification in runtime.classify_lines(said_lines)]
    assert served("classify", image_bytes=contents)["score"][:, 0] == pytest.approx(local, abs=1e-3)


def test_what_is_no_picture_is_refused_with_a_reason(served):
    import tensorflow as tf

    whole = encoded(page())
    for content in (b"", b"hello", whole[: len(whole) // 2], encoded(page(), "JPEG")[:400]):
        for signature in ("inspect", "classify"):
            with pytest.raises(tf.errors.InvalidArgumentError):
                served(signature, image_bytes=[content])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF"])
def test_a_picture_beyond_the_limit_is_refused_before_it_is_decoded(kind, served):
    import tensorflow as tf

    huge = encoded(Image.new("L", (2001, 2000)), kind)
    with pytest.raises(tf.errors.InvalidArgumentError, match="the picture is too large"):
        served("inspect", image_bytes=[huge])


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 80}, {"lossless": True, "exif": Image.Exif()}])
def test_a_webp_is_known_by_its_header_and_read_to_the_pixel(options):
    """WebP has three kinds of headers: with losses, without, and with more than pixels."""
    import tensorflow as tf

    from elasticache_police.model.graph.pictures import grey_pixels

    if "exif" in options:
        options["exif"][0x010F] = "a camera"
    written = encoded(page().convert("RGB").crop((0, 0, 120, 70)), "WEBP", **options)
    assert written[12:16] == (b"VP8X" if "exif" in options else b"VP8L" if "lossless" in options else b"VP8 ")
    np.testing.assert_array_equal(grey_pixels(tf.constant(written), max_pixels=120 * 70), grey_of(written))
    with pytest.raises(tf.errors.InvalidArgumentError, match="the picture is too large"):
        grey_pixels(tf.constant(written), max_pixels=120 * 70 - 1)


@pytest.mark.parametrize("colour", [0, 255])
def test_a_plain_grey_png_is_not_taken_for_one_with_transparency(colour):
    """A grey PNG may name one of its greys as transparent; what names none is decoded on a shorter way."""
    import tensorflow as tf

    from elasticache_police.model.graph.pictures import grey_pixels

    pixels = page().convert("L").crop((0, 0, 120, 70))
    for content in (encoded(pixels, "PNG"), encoded(pixels, "PNG", transparency=colour)):
        np.testing.assert_array_equal(grey_pixels(tf.constant(content), max_pixels=10**6), grey_of(content))


def test_an_answer_of_another_model_is_refused():
    other = io.BytesIO()
    Image.new("L", (64, 8)).save(other, "PNG")
    for looks in (None, "x", [3], [{"b64": "?"}], [b"no picture"], [other.getvalue()]):
        with pytest.raises(ModelFileError, match="deploy the model again"):
            findings_from_outputs({"looks_bytes": looks}, ("ElastiCache",))


def test_crops_are_brought_onto_the_classic_line_to_the_pixel(runtime):
    """The graph's resampling is Pillow's, also far down and from odd places."""
    import tensorflow as tf

    from elasticache_police.model.graph.lines import Window, cut
    from elasticache_police.model.graph.pictures import crop_to_line as crop_in_graph
    from elasticache_police.model.graph.resample import halve

    noise = np.random.default_rng(5).integers(0, 256, (157, 403), np.uint8)
    picture = Image.fromarray(noise)
    np.testing.assert_array_equal(crop_in_graph(tf.constant(noise)), crop_to_line(picture))
    np.testing.assert_array_equal(halve(tf.constant(noise)), np.asarray(picture.reduce(2)))
    for x0, y0, scale in (
        (-31.7, -3.2, 0.31),
        (250.3, 100.9, 1.7),
        (17.25, 40.5, 0.93),
        (900.0, 10.0, 1.0),
        (10.3, 20.1, 0.5),
    ):
        window = lines.LineWindow(x0=x0, y0=y0, width=320, scale_x=scale, scale_y=scale)
        there = Window(
            x0=tf.constant(x0, tf.float64),
            y0=tf.constant(y0, tf.float64),
            width=tf.constant(320),
            scale=tf.constant(scale, tf.float64),
        )
        np.testing.assert_array_equal(cut(tf.constant(noise), there), lines.cut(picture, window))
