"""How good, how fast, how big: the product and the OCR engines one would take instead, on the same pictures.

Start with ``benchmarks/README.md``. Nothing here is part of the package, and nothing here is used in training.
"""
