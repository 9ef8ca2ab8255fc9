"""The networks, their training, evaluation and export. Keras (and TensorFlow) live here only."""
