"""The three calls of a SageMaker endpoint, each usable alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from elasticache_police._aws import Clients
from elasticache_police.errors import ConfigurationError
from elasticache_police.sagemaker_deploy._session import Work
from elasticache_police.sagemaker_deploy.planning import model_request, plan
from elasticache_police.sagemaker_deploy.spec import EndpointSpec, ModelSpec, Variant

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_sagemaker import SageMakerClient

__all__ = ["create_endpoint", "create_endpoint_config", "create_model", "in_region"]


def in_region(spec: EndpointSpec, clients: Clients) -> EndpointSpec:
    """Return the specification with the region that its requests go to.

    Raises:
        ConfigurationError: It names another region than the clients do.
    """
    import attrs

    region = clients.region
    if spec.region not in {None, region}:
        raise ConfigurationError(f"the specification is for {spec.region} and the client for {region}")
    return attrs.evolve(spec, region=region)


def create_model(
    model: ModelSpec,
    *,
    variant: Variant | None = None,
    tags: Mapping[str, str] | None = None,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> str:
    """Register a model: an archive in S3, the container that serves it, the role it runs as.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html

    Args:
        model: What to register; without a name it gets one from its content.
        variant: The fleet that will serve it, which decides the image; a plain CPU fleet when not given.
        tags: More tags for it; this project's own are always there.
        client: SageMaker client; wins over `session`.
        session: boto3 session.
        config: botocore settings.

    Returns:
        The model's ARN.

    Raises:
        AlreadyExistsError: There is a model of that name.
        AwsError: AWS refused.
    """
    clients = Work.of(client=client, session=session, config=config).clients
    request = model_request(model, region=clients.region, variant=variant, tags=tags)
    return str(clients.perform(request)["ModelArn"])


def create_endpoint_config(
    spec: EndpointSpec,
    *,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> str:
    """Create an endpoint configuration: which models, on which instances.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html

    Args:
        spec: What is wanted; its models must exist (see :func:`create_model`).
        client: SageMaker client; wins over `session`.
        session: boto3 session.
        config: botocore settings.

    Returns:
        The configuration's ARN.

    Raises:
        AlreadyExistsError: There is a configuration of that name.
        NotFoundError: A model does not exist.
        AwsError: AWS refused.
    """
    clients = Work.of(client=client, session=session, config=config, region=spec.region).clients
    return str(clients.perform(plan(in_region(spec, clients)).config)["EndpointConfigArn"])


def create_endpoint(
    spec: EndpointSpec,
    *,
    client: SageMakerClient | None = None,
    session: Session | None = None,
    config: Config | None = None,
) -> str:
    """Start an endpoint from its configuration, without waiting for it (see :func:`wait_in_service`).

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html

    Args:
        spec: What is wanted; its configuration must exist (see :func:`create_endpoint_config`).
        client: SageMaker client; wins over `session`.
        session: boto3 session.
        config: botocore settings.

    Returns:
        The endpoint's ARN.

    Raises:
        AlreadyExistsError: There is an endpoint of that name.
        NotFoundError: The configuration does not exist, or AWS does not see it yet.
        AwsError: AWS refused.
    """
    clients = Work.of(client=client, session=session, config=config, region=spec.region).clients
    return str(clients.perform(plan(in_region(spec, clients)).endpoint)["EndpointArn"])
