"""AWS's images have older TensorFlow than what exports: what is exported must load there.

Nothing here has another TensorFlow; ``python -m benchmarks.tensorflow_versions`` asks those that one names.
"""

from __future__ import annotations

import sys

import pytest
from benchmarks.tensorflow_versions import ask, requests, verdict

pytestmark = pytest.mark.train

_PROVED = """
Abs AddN AddV2 All Any ArgMax Assert Atan BiasAdd Bitcast BitwiseAnd BroadcastTo CTCLoss Cast Ceil ConcatV2
Const Conv2D Cumsum DecodeImage DecodeJpeg DecodePng DecodeRaw DenseBincount EncodePng EnsureShape Equal Exp
ExpandDims ExtractJpegShape Fill Floor FloorDiv FloorMod GatherNd GatherV2 Greater GreaterEqual Identity If
LeftShift Less LessEqual Log LogicalAnd LogicalNot LogicalOr MatMul Max Maximum Mean MergeV2Checkpoints Min
Minimum MirrorPad Mul Neg NoOp NonMaxSuppressionV3 NotEqual OneHot Pack Pad PadV2 PartitionedCall Placeholder
Pow Prod RaggedTensorFromVariant RaggedTensorToTensor RaggedTensorToVariant Range RealDiv Relu Reshape
RestoreV2 ReverseV2 RightShift Roll Round SaveV2 Select SelectV2 Shape ShardedFilename Sigmoid Size Softmax
Sqrt Squeeze StatefulPartitionedCall StatelessIf StatelessWhile StaticRegexFullMatch StaticRegexReplace
StridedSlice StringJoin StringLower StringStrip Sub Substr Sum TensorListFromTensor TensorListGetItem
TensorListReserve TensorListSetItem TensorListStack TensorScatterUpdate Tile TopKV2 Transpose Unpack
UnsortedSegmentJoin UnsortedSegmentSum Where While ZerosLike
"""
"""The operations with which TensorFlow 2.4.1, 2.6, 2.12, 2.14, 2.16, 2.18 and 2.19 gave the answers that 2.20 gave."""


def test_what_is_exported_has_only_operations_that_the_oldest_image_was_seen_to_know(exported):
    """Another one is no mistake: ask the old versions again, then add it here."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel.FromString((exported.saved_model / "saved_model.pb").read_bytes())
    [meta_graph] = saved.meta_graphs
    functions = {function.signature.name for function in meta_graph.graph_def.library.function}
    nodes = [*meta_graph.graph_def.node]
    for function in meta_graph.graph_def.library.function:
        nodes += function.node_def
    assert {node.op for node in nodes} - functions - set(_PROVED.split()) == set()
    assert meta_graph.meta_info_def.stripped_default_attrs, "an old version knows no new attribute"


def test_the_question_to_another_version_is_answered_by_this_one(exported):
    asked = requests()
    _, answers = ask(sys.executable, exported.saved_model, list(asked.values()))
    said = dict(zip(asked, answers, strict=True))
    assert {name: verdict(answer, answer) for name, answer in said.items()} == dict.fromkeys(asked, "same")
    assert said["console.png"]["count"] == [len(said["console.png"]["readings"][0])]
    assert said["PNG"] == said["GIF"] == said["BMP"] == said["WEBP"]


def test_answers_are_told_apart():
    page = {"scores": [[0.5]], "readings": [["ElastiCache"]]}
    assert verdict({**page, "scores": [[0.50001]]}, page) == "same"
    assert verdict({**page, "scores": [[0.6]]}, page) == "differs"
    assert verdict({**page, "readings": [["ElasticCache"]]}, page) == "differs"
    assert verdict({"refusal": "Unknown image file format."}, page) == "refused"
