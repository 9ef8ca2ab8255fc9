"""Sphinx configuration: every warning is an error (tox runs it with -n -W), no network is needed."""

from pathlib import Path

from elasticache_police import __version__

project = "ElastiCache police"
author = "The ElastiCache police authors"
copyright = "2026, the ElastiCache police authors"  # noqa: A001  Sphinx's name for it
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.doctest", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {"ImageInput": "ImageInput"}
autodoc_default_options = {"members": True}
# Heavy optional packages are not needed to describe what uses them.
autodoc_mock_imports = ["keras", "onnx", "tensorflow", "tf2onnx"]
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False

# Other projects' names cannot be looked up without a network; ours must resolve.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!elasticache_police).*"),
    # Named in signatures, and no part of the public face.
    (r"py:.*", r"elasticache_police\.(\w+\.)*_\w+.*"),
    (r"py:class", r"elasticache_police\.dataset\.(pages|lettering)\.(FontSet|PageStyle)"),
    (r"py:class", r"elasticache_police\.ecs_anywhere\.activation\.Secret"),
    (r"py:class", r"elasticache_police\.runtime\.(proposals\.Proposal|turned\.Region)"),
    (r"py:class", r"elasticache_police\.sagemaker_deploy\.policies\.PolicyDocument"),
    (r"py:class", r"elasticache_police\.serving\.layout\.ModelLayout"),
]

doctest_global_setup = f"""
import os, pathlib, tempfile
os.chdir(tempfile.mkdtemp())
examples = pathlib.Path({str(Path(__file__).parent.parent / "examples")!r})
"""
