"""Serve the model on SageMaker: plan, deploy, update, watch and remove endpoints and batch jobs.

::

    from elasticache_police import sagemaker_deploy as sm

    archive = sm.upload("model.tar.gz")
    spec = sm.EndpointSpec(model=sm.ModelSpec(model_data_url=archive.url, role_arn=role_arn))
    print(sm.plan(spec).to_json())  # what would be sent
    sm.deploy(spec)  # made, waited for, or nothing left behind
    sm.delete(spec.endpoint_name)
"""

from __future__ import annotations

from elasticache_police.sagemaker_deploy._session import Pace
from elasticache_police.sagemaker_deploy.deploying import Deployment, deploy, deployed, update
from elasticache_police.sagemaker_deploy.images import image_uri
from elasticache_police.sagemaker_deploy.inventory import delete, delete_all, list  # noqa: A004
from elasticache_police.sagemaker_deploy.lifecycle import create_endpoint, create_endpoint_config, create_model
from elasticache_police.sagemaker_deploy.options import (
    AsyncInference,
    BacklogScaling,
    DataCapture,
    Guardrails,
    Serverless,
    TargetScaling,
    Vpc,
)
from elasticache_police.sagemaker_deploy.planning import Plan, plan
from elasticache_police.sagemaker_deploy.resources import Event, Resource
from elasticache_police.sagemaker_deploy.spec import EndpointSpec, ModelSpec, Variant
from elasticache_police.sagemaker_deploy.teardown import Leftover, Teardown
from elasticache_police.sagemaker_deploy.watching import (
    EndpointStatus,
    VariantStatus,
    status,
    wait_deleted,
    wait_in_service,
)

__all__ = [
    "AsyncInference",
    "BacklogScaling",
    "DataCapture",
    "Deployment",
    "EndpointSpec",
    "EndpointStatus",
    "Event",
    "Guardrails",
    "Leftover",
    "ModelSpec",
    "Pace",
    "Plan",
    "Resource",
    "Serverless",
    "TargetScaling",
    "Teardown",
    "Variant",
    "VariantStatus",
    "Vpc",
    "create_endpoint",
    "create_endpoint_config",
    "create_model",
    "delete",
    "delete_all",
    "deploy",
    "deployed",
    "image_uri",
    "list",
    "plan",
    "status",
    "update",
    "wait_deleted",
    "wait_in_service",
]
