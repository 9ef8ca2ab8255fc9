"""The story's region, its specification, and this folder's helper modules within reach."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from story import ACCOUNT, ROLE, STORY_KEY

from elasticache_police.sagemaker_deploy.spec import EndpointSpec, ModelSpec


@pytest.fixture(autouse=True)
def _story_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)


@pytest.fixture
def model() -> ModelSpec:
    return ModelSpec(model_data_url=f"s3://sagemaker-ap-northeast-1-{ACCOUNT}/{STORY_KEY}", role_arn=ROLE)


@pytest.fixture
def spec(model: ModelSpec) -> EndpointSpec:
    return EndpointSpec(model=model, region="ap-northeast-1")
