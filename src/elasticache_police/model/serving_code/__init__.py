"""What goes into ``code/`` of a ``model.tar.gz``: it runs in SageMaker's container, not here."""
