"""The whole path from encoded pictures to scores and places as one TensorFlow graph.

What :mod:`elasticache_police.imaging` and :mod:`elasticache_police.runtime` do with Pillow, numpy and onnxruntime, this
package builds out of TensorFlow's own operations, because SageMaker's container has nothing else. Each module mirrors
one of theirs, number for number; ``tests/model/test_parity.py`` holds the two together.

=============  ==============================================================================================
pictures       encoded bytes -> grey pixels, and any crop -> the classic line (``imaging``)
exif           which way up a JPEG is (``imaging.normalise``)
resample       Pillow's resampling and halving, to the bit
lines          windows over lines of text, cut out (``runtime.lines``, ``runtime.crops``)
networks       an ONNX file -> a TensorFlow function
places         the finder over a pyramid -> places worth reading (``runtime.proposals``, ``.turned``)
isometric      isometric drawings seen so that their labels are plain text (``runtime.isometric``)
letters        the reader's frames -> text and P(spelled right) (``runtime.reading``, ``.scoring``, ``.classifying``)
packing        what a client needs to judge a place, as a PNG (``runtime.packed``)
signatures     all of it as the three signatures of the SavedModel
=============  ==============================================================================================
"""
