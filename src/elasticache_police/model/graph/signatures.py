"""The three signatures of the deployed model: scores of lines, scores of pictures of lines, places on pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import tensorflow as tf

from elasticache_police.imaging import LINE_HEIGHT, LINE_WIDTH
from elasticache_police.model.graph import networks
from elasticache_police.model.graph.isometric import is_isometric
from elasticache_police.model.graph.letters import nearly, resembles, says_otherwise, spaced, spelled, text_of
from elasticache_police.model.graph.lines import Window, crop_window, cut, look_again, window_of
from elasticache_police.model.graph.packing import pack
from elasticache_police.model.graph.pictures import crop_to_line, grey_pixels
from elasticache_police.model.graph.places import labels, look_over, of_page, on_page, upright
from elasticache_police.model.graph.tilted import plausible
from elasticache_police.runtime.alphabet import CLASSES
from elasticache_police.runtime.classifying import DOUBT, PLAIN
from elasticache_police.runtime.files import FINDER, READER, read_settings
from elasticache_police.runtime.judging import LOOKS, SURE
from elasticache_police.runtime.lines import LINE_PX
from elasticache_police.runtime.tilted import TILTED
from elasticache_police.runtime.turned import CHANNELS, FLOORS

__all__ = ["Signatures"]

Tensors = dict[str, tf.Tensor]
_FRAMES = tf.RaggedTensorSpec([None, CLASSES], tf.float32, ragged_rank=0)
_SEEN = {
    "places": tf.RaggedTensorSpec([None, 5], tf.float32, ragged_rank=0),
    "boxes": tf.RaggedTensorSpec([None, 4], tf.int32, ragged_rank=0),
    "scores": tf.RaggedTensorSpec([None], tf.float32, ragged_rank=0),
    "readings": tf.RaggedTensorSpec([None], tf.string, ragged_rank=0),
    "looks_bytes": tf.RaggedTensorSpec([None], tf.string, ragged_rank=0),
}
"""What is seen on a part of a page."""
_PLACES_AT_ONCE = 4


def _traced(function: Callable[..., object], *specs: tf.TensorSpec) -> Callable[..., Any]:
    return cast(
        "Callable[..., Any]",
        tf.function(
            function, input_signature=list(specs), autograph=False, experimental_attributes={"_noinline": True}
        ),
    )


class Signatures:
    """A model directory as functions of TensorFlow.

    Args:
        directory: A model directory, see :mod:`elasticache_police.runtime.files`.
        max_pixels: The most pixels a picture may have.

    Raises:
        ModelFileError: The directory is missing a part or damaged.
    """

    def __init__(self, directory: Path, *, max_pixels: int) -> None:
        self._settings = read_settings(directory)
        self._max_pixels = max_pixels
        finder, reader = networks.load(directory / FINDER), networks.load(directory / READER)
        temperature = self._settings.temperature

        def find(page: tf.Tensor) -> tf.Tensor:
            return finder(page[tf.newaxis, :, :, tf.newaxis])[0]

        def read(line: tf.Tensor) -> tf.Tensor:
            frames = tf.nn.softmax(reader(line[tf.newaxis, :, :, tf.newaxis])[0] / temperature)
            return tf.ensure_shape(frames, [None, CLASSES])

        # Functions of their own: the weights are in the file once however often these are called, TensorFlow prepares
        # each of them once when it is first asked, and a call stands in no loop within a loop of the same function:
        # TensorFlow Serving's kind of session mixes up their frames then.
        lines = tf.TensorSpec([None, LINE_HEIGHT, LINE_WIDTH], tf.uint8)
        picture, region = tf.TensorSpec([None, None], tf.uint8), tf.TensorSpec([6], tf.int32)
        self._find = _traced(find, picture)
        self._read_line = _traced(read, tf.TensorSpec([LINE_PX, None], tf.uint8))
        self._look_over = _traced(self._look_over_picture, picture)
        self._upright = _traced(upright, picture, region)
        self._see = _traced(self._see_part, picture, region, tf.TensorSpec([None, 5], tf.float32))
        self._inspect_page = _traced(self._inspect_encoded, tf.TensorSpec([], tf.string))
        self._odds = _traced(self._odds_of, lines, tf.TensorSpec([], tf.int32))
        self._scores = _traced(self._scores_of, lines)

    def functions(self) -> dict[str, Callable[..., Tensors]]:
        """Return the signatures by name."""
        image = tf.TensorSpec([None, LINE_HEIGHT, LINE_WIDTH, 1], tf.float32, name="image")
        encoded = tf.TensorSpec([None], tf.string, name="image_bytes")
        return {
            "serving_default": _traced(self.score_lines, image),
            "classify": _traced(self.score_pictures, encoded),
            "inspect": _traced(self.inspect, encoded),
        }

    def score_lines(self, image: tf.Tensor) -> Tensors:
        """Return ``score`` float32 (N, 1) of classic lines, float32 (N, 50, 700, 1) in [-1, 1]."""
        greys = tf.clip_by_value(tf.round(image[..., 0] * 127.5 + 127.5), 0.0, 255.0)
        return {"score": self._scores(tf.cast(greys, tf.uint8))}

    def score_pictures(self, image_bytes: tf.Tensor) -> Tensors:
        """Return ``score`` float32 (N, 1) of encoded pictures of one line, string (N,)."""

        def line(encoded: tf.Tensor) -> tf.Tensor:
            return crop_to_line(grey_pixels(encoded, max_pixels=self._max_pixels))

        spec = tf.TensorSpec([LINE_HEIGHT, LINE_WIDTH], tf.uint8)
        return {"score": self._scores(tf.map_fn(line, image_bytes, fn_output_signature=spec))}

    def _scores_of(self, lines: tf.Tensor) -> tf.Tensor:
        """Return float32 (N, 1): :mod:`elasticache_police.runtime.classifying` over uint8 (N, 50, 700)."""
        right, other = self._odds(lines, tf.constant(0))
        first = _score(right, other, looks=1)
        sure = tf.logical_and(
            tf.maximum(first, 1 - first) >= SURE, tf.maximum(tf.reduce_max(right, axis=1), other) >= PLAIN
        )
        unsure = tf.where(tf.logical_not(sure))

        def with_more_looks() -> tf.Tensor:
            doubtful = tf.gather_nd(lines, unsure)

            def look(number: tf.Tensor, rights: tf.Tensor, others: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
                more, else_ = self._odds(doubtful, number)
                return number + 1, rights + more, others + else_

            seen = (tf.constant(1), tf.gather_nd(right, unsure), tf.gather_nd(other, unsure))
            _, rights, others = tf.while_loop(lambda number, *_: number < len(LOOKS), look, seen)
            return tf.tensor_scatter_nd_update(first, unsure, _score(rights, others, looks=len(LOOKS)))

        return tf.cond(tf.reduce_all(sure), lambda: first, with_more_looks)[:, tf.newaxis]

    def _odds_of(self, lines: tf.Tensor, look: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return P(a line holds a name), float32 (N, names), and what speaks for something else, float32 (N,)."""

        def frames_of(line: tf.Tensor) -> tf.Tensor:
            window = crop_window(line)
            first = [window.x0, window.y0, window.width, window.scale]
            again = look_again(window, look)
            either = tf.cond(tf.equal(look, 0), lambda: first, lambda: [again.x0, again.y0, again.width, again.scale])
            return self._frames(line, Window(*either))

        frames = tf.map_fn(frames_of, lines, fn_output_signature=_FRAMES)
        lengths = tf.cast(frames.row_lengths(), tf.int32)
        whole, names = spaced(frames.to_tensor(), lengths), self._settings.names
        right = tf.ensure_shape(spelled(whole, lengths, names), [None, len(names)])
        in_doubt = tf.where(tf.logical_or(look > 0, tf.reduce_max(right, axis=1) < SURE))
        nothing = tf.zeros_like(right[:, 0])

        def weighed() -> tf.Tensor:
            other = says_otherwise(tf.gather_nd(whole, in_doubt), tf.gather_nd(lengths, in_doubt), names)
            return tf.tensor_scatter_nd_update(nothing, in_doubt, tf.ensure_shape(other, [None]))

        return right, tf.cond(tf.size(in_doubt) > 0, weighed, lambda: nothing)

    def inspect(self, image_bytes: tf.Tensor) -> Tensors:
        """Return the places of encoded pages, string (N,), where a name, right or wrong, stands.

        What is shorter than the longest is padded with zeros and empty strings. For a caller who judges by himself:

        * ``boxes`` int32 (N, C, 4): x0, y0, x1, y1 in pixels of the page;
        * ``scores`` float32 (N, C): P(a policed name stands there, spelled right);
        * ``readings`` string (N, C): the line around it as the model reads it;
        * ``count`` int32 (N,): how many there are on the page.

        For our client, which knows identifiers from prose, compares three looks and finds the word in its line:

        * ``looks_bytes`` string (N, M): what :mod:`elasticache_police.runtime.packed` reads;
        * ``places`` float32 (N, M, 5): the finder's score and box on the page, of whatever may be like a name;
        * ``width``, ``height`` int32 (N,): the page's size in pixels.
        """
        spec = {**_SEEN, "size": tf.TensorSpec([2], tf.int32)}
        found = tf.map_fn(self._inspect_page, image_bytes, fn_output_signature=spec, parallel_iterations=1)
        return {
            "boxes": found["boxes"].to_tensor(),
            "scores": found["scores"].to_tensor(),
            "readings": found["readings"].to_tensor(),
            "count": tf.cast(found["scores"].row_lengths(), tf.int32),
            "places": found["places"].to_tensor(),
            "width": found["size"][:, 1],
            "height": found["size"][:, 0],
            "looks_bytes": found["looks_bytes"].to_tensor(),
        }

    def _inspect_encoded(self, encoded: tf.Tensor) -> Tensors:
        page = grey_pixels(encoded, max_pixels=self._max_pixels)
        size = tf.shape(page)
        places, weaker, turned, tilt, pairs = self._look_over(page)
        drawing = is_isometric(page)
        tilt = tf.where(drawing, 0, plausible(tilt))
        whole = tf.stack([0, 0, size[1], size[0]])

        def askew(tilt: tf.Tensor) -> tf.Tensor:
            return tf.concat([[TILTED], whole, [tilt]], axis=0)

        def measured_again() -> tf.Tensor:
            return plausible(tilt + self._look_over(self._upright(page, askew(tilt)))[3])

        tilt = tf.cond(tf.equal(tilt, 0), lambda: tilt, measured_again)

        # Of a drawing that lies on a floor nothing tells.
        is_askew, labels_askew = labels(places, weaker, pairs[: tf.where(drawing, 0, tf.shape(pairs)[0])], size)
        as_it_lies = tf.boolean_mask(places, tf.logical_not(is_askew))

        def steep(turn: int, box: tf.Tensor) -> tf.Tensor:
            """Return what leans where text is turned by a quarter: it is too steep to be seen as the page lies."""
            region = tf.concat([[turn], box, [0]], axis=0)

            def labels_there() -> tf.Tensor:
                part = self._upright(page, region)
                places, weaker, _, _, pairs = self._look_over(part)
                return of_page(labels(places, weaker, pairs, tf.shape(part))[1], region)

            wanted = tf.logical_and(box[2] > box[0], tf.logical_not(drawing))
            return tf.cond(wanted, labels_there, lambda: tf.zeros([0, 6], tf.int32))

        def level() -> tf.Tensor:
            boxes = tf.concat([whole[tf.newaxis], turned, tf.tile(whole[tf.newaxis], [len(FLOORS), 1])], axis=0)
            regions = tf.pad(
                tf.concat([tf.constant([[0], *([t] for t in (*CHANNELS, *FLOORS))]), boxes], axis=1), [[0, 0], [0, 1]]
            )
            wanted = tf.concat([[True], turned[:, 2] > turned[:, 0], tf.fill([len(FLOORS)], drawing)], axis=0)
            steep_labels = [steep(turn, turned[row]) for row, turn in enumerate(CHANNELS)]
            return tf.concat([tf.boolean_mask(regions, wanted), labels_askew, *steep_labels], axis=0)

        def see(region: tf.Tensor) -> object:
            return self._see(page, region, as_it_lies)

        regions = tf.cond(tf.equal(tilt, 0), level, lambda: askew(tilt)[tf.newaxis])
        seen = tf.map_fn(see, tf.ensure_shape(regions, [None, 6]), fn_output_signature=_SEEN, parallel_iterations=1)
        return {**{key: part.values for key, part in seen.items()}, "size": size}

    def _see_part(self, page: tf.Tensor, region: tf.Tensor, places: tf.Tensor) -> Tensors:
        """Return what is seen on a part of a page; of the whole of it the places are known already."""
        part = self._upright(page, region)
        here = tf.cond(tf.equal(region[0], 0), lambda: places, lambda: self._look_over(part)[0])
        empty = tf.equal(tf.shape(here)[0], 0)
        seen: Tensors = tf.cond(empty, _nothing, lambda: self._looks(part, here, region))
        return seen

    def _look_over_picture(self, picture: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        return look_over(picture, self._find, threshold=self._settings.find_threshold)

    def _looks(self, page: tf.Tensor, places: tf.Tensor, region: tf.Tensor) -> Tensors:
        """Look at the places of a page, or of an upright part of it, one at least."""

        def look(place: tf.Tensor) -> Tensors:
            first = self._frames(page, window_of(place, tf.constant(0)))
            length = tf.shape(first)[:1]
            said = spaced(first[tf.newaxis], length)
            reading = text_of(said, length)[0]

            def again() -> tf.RaggedTensor:
                return tf.map_fn(
                    lambda number: self._frames(page, window_of(place, number)),
                    tf.range(1, len(LOOKS)),
                    fn_output_signature=_FRAMES,
                )

            def enough() -> tf.RaggedTensor:
                return tf.RaggedTensor.from_row_lengths(tf.zeros([0, CLASSES]), [0] * (len(LOOKS) - 1))

            more = tf.cond(resembles(reading, self._settings.names), again, enough)
            looks = pack(place, page, region, [first, *(more[number] for number in range(len(LOOKS) - 1))])
            return {"said": said[0], "reading": reading, "looks": looks}

        text = tf.TensorSpec([], tf.string)
        spec = {"said": _FRAMES, "reading": text, "looks": text}
        seen = tf.map_fn(look, places, fn_output_signature=spec, parallel_iterations=_PLACES_AT_ONCE)
        said, lengths = seen["said"].to_tensor(), tf.cast(seen["said"].row_lengths(), tf.int32)
        names = self._settings.names
        like_a_name = nearly(said, lengths, names)
        inside = tf.reshape(tf.gather(tf.shape(page), [1, 0, 1, 0]), [1, 4])
        boxes = tf.clip_by_value(places[:, 1:], 0.0, tf.cast(inside, tf.float32))
        return {
            "places": tf.concat([places[:, :1], on_page(places[:, 1:], region)], axis=1),
            "boxes": tf.boolean_mask(_whole(on_page(boxes, region)), like_a_name),
            "scores": tf.boolean_mask(tf.reduce_max(spelled(said, lengths, names), axis=1), like_a_name),
            "readings": tf.boolean_mask(seen["reading"], like_a_name),
            "looks_bytes": seen["looks"],
        }

    def _frames(self, page: tf.Tensor, window: Window) -> tf.Tensor:
        """Return the reader's distributions, float32 (T, CLASSES), over a window of a page."""
        return self._read_line(cut(page, window))


def _nothing() -> Tensors:
    """Return what a page without any place says."""
    texts = tf.zeros([0], tf.string)
    return {
        "places": tf.zeros([0, 5]),
        "boxes": tf.zeros([0, 4], tf.int32),
        "scores": tf.zeros([0]),
        "readings": texts,
        "looks_bytes": texts,
    }


def _score(right: tf.Tensor, other: tf.Tensor, *, looks: int) -> tf.Tensor:
    """Return the odds of :func:`elasticache_police.runtime.classifying.classify` as a probability, float32 (N,)."""
    best = tf.reduce_max(right, axis=1)
    return (best + DOUBT * looks) / (best + other + 2 * DOUBT * looks)


def _whole(boxes: tf.Tensor) -> tf.Tensor:
    """Return boxes, float32 (P, 4), in whole pixels, int32 (P, 4)."""
    return tf.cast(tf.concat([tf.floor(boxes[:, :2]), tf.math.ceil(boxes[:, 2:])], axis=1), tf.int32)
