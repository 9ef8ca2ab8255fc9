"""What the deployment and client path loads: no more than boto3, and that only when AWS is spoken to."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"boto3", "botocore", "numpy", "PIL", "onnxruntime", "tensorflow", "keras", "sagemaker", "pandas"}


def _loaded_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return HEAVY & set(done.stdout.split())


def test_planning_loads_no_boto3() -> None:
    code = (
        "from elasticache_police import sagemaker_deploy as sm\n"
        "m = sm.ModelSpec(model_data_url='s3://bucket/m.tar.gz', role_arn='arn:aws:iam::111122223333:role/R')\n"
        "sm.plan(sm.EndpointSpec(model=m, region='us-east-1'))"
    )
    assert _loaded_after(code) == set()


def test_a_client_loads_nothing_before_it_is_asked() -> None:
    code = "from elasticache_police import Police, Ticket\nPolice.from_endpoint('E')"
    assert _loaded_after(code) == set()


def test_clients_load_boto3_and_nothing_else() -> None:
    code = "from elasticache_police import _aws\n_aws.client('sagemaker', region='us-east-1')"
    assert _loaded_after(code) == {"boto3", "botocore"}
