"""The local endpoint: SageMaker's managed TensorFlow container, as far as HTTP can tell, over a ``model.tar.gz``.

::

    from elasticache_police.serving import EndpointOptions, LocalEndpoint

    with LocalEndpoint(EndpointOptions(model="model.tar.gz", port=0)) as endpoint:
        client = boto3.client("sagemaker-runtime", endpoint_url=endpoint.url)

As in the container there are two kinds of processes: one with TensorFlow, which speaks TensorFlow Serving's REST API
(:mod:`.rest`, :mod:`.servable`), and one in front of it without TensorFlow, which speaks SageMaker's contract and runs
``code/inference.py`` (:mod:`.container`, :mod:`.handlers`). :mod:`.endpoint` starts, watches and stops them.
"""

from elasticache_police.serving.endpoint import LocalEndpoint
from elasticache_police.serving.options import ContainerVersion, EndpointOptions

__all__ = ["ContainerVersion", "EndpointOptions", "LocalEndpoint"]
