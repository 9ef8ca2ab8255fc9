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
from elasticache_police.sagemaker_deploy.archive import Upload, upload
from elasticache_police.sagemaker_deploy.batch import (
    BatchSpec,
    BatchStatus,
    inspect_batch,
    start_batch,
    wait_batch,
)
from elasticache_police.sagemaker_deploy.batch_answers import read_batch
from elasticache_police.sagemaker_deploy.deploying import Deployment, deploy, deployed, update
from elasticache_police.sagemaker_deploy.images import image_uri
from elasticache_police.sagemaker_deploy.inventory import delete, delete_all, list  # noqa: A004
from elasticache_police.sagemaker_deploy.lifecycle import create_endpoint, create_endpoint_config, create_model
from elasticache_police.sagemaker_deploy.neo import CompilationSpec, compile_model
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
from elasticache_police.sagemaker_deploy.policies import Scope, policy
from elasticache_police.sagemaker_deploy.resources import Event, Resource
from elasticache_police.sagemaker_deploy.roles import ExecutionRole, ensure_execution_role
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
    "BatchSpec",
    "BatchStatus",
    "CompilationSpec",
    "DataCapture",
    "Deployment",
    "EndpointSpec",
    "EndpointStatus",
    "Event",
    "ExecutionRole",
    "Guardrails",
    "Leftover",
    "ModelSpec",
    "Pace",
    "Plan",
    "Resource",
    "Scope",
    "Serverless",
    "TargetScaling",
    "Teardown",
    "Upload",
    "Variant",
    "VariantStatus",
    "Vpc",
    "compile_model",
    "create_endpoint",
    "create_endpoint_config",
    "create_model",
    "delete",
    "delete_all",
    "deploy",
    "deployed",
    "ensure_execution_role",
    "image_uri",
    "inspect_batch",
    "list",
    "plan",
    "policy",
    "read_batch",
    "start_batch",
    "status",
    "update",
    "upload",
    "wait_batch",
    "wait_deleted",
    "wait_in_service",
]
