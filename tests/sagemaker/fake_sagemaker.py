"""A small SageMaker over HTTP that behaves as AWS does where moto does not.

Endpoints take time, fail with reasons and roll back; names that exist are refused; an endpoint in progress can be
neither changed nor deleted, and a variant that scales can neither go nor get other instances; any call can be made to
fail, before or after it took effect. Every call is recorded.
"""

# ruff: noqa: N802, N803  the names are AWS's

from __future__ import annotations

import itertools
import json
import re
import threading
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from story import ACCOUNT

REGION = "ap-northeast-1"
MOVING = {"Creating", "Updating", "RollingBack", "Deleting"}


class AwsFault(Exception):  # noqa: N818  a fault, as AWS calls it
    def __init__(self, code: str, message: str, status: int = 400, **more) -> None:
        self.code, self.message, self.status, self.more = code, message, status, more


def invalid(message: str) -> AwsFault:
    return AwsFault("ValidationException", message)


class FakeSageMaker:
    def __init__(self) -> None:
        self.calls: list[tuple[str, dict]] = []
        self.models: dict[str, dict] = {}
        self.configs: dict[str, dict] = {}
        self.endpoints: dict[str, dict] = {}
        self.jobs: dict[str, dict] = {}
        self.compilations: dict[str, dict] = {}
        self.creating: list[str | tuple[str, str]] = ["Creating", "InService"]
        self.updating: list[str | tuple[str, str]] = ["Updating", "InService"]
        self.deleting: list[str] = ["Deleting"]
        self.transforming: list[str | tuple[str, str]] = ["InProgress", "Completed"]
        self.compiling: list[str | tuple[str, str]] = ["STARTING", "COMPLETED"]
        self.scaled_variants: Callable[[str], set[str]] = lambda endpoint_name: set()
        self.answer: Callable[[str, dict, bytes], tuple[bytes, dict]] = lambda name, headers, body: (b"{}", {})
        self._faults: list[dict] = []
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # what tests say and ask

    def fail(self, operation: str, code: str, message: str = "", *, times: int = 1, after: int = 0, **more) -> None:
        """Make the next calls of an operation fail; ``took_effect=True`` lets the call happen first."""
        self._faults.append(
            {"operation": operation, "code": code, "message": message, "times": times, "after": after, **more}
        )

    def operations(self, *prefixes: str) -> list[str]:
        """The recorded operations, those that begin with one of the prefixes if any are given."""
        return [name for name, _ in self.calls if not prefixes or name.startswith(prefixes)]

    def changes(self) -> list[str]:
        """The recorded calls that change something, with the name they change."""
        return [
            f"{name} {next(iter(parameters.values()))}"
            for name, parameters in self.calls
            if name.startswith(("Create", "Delete", "Update", "Stop"))
        ]

    @property
    def names(self) -> set[str]:
        """Everything that exists."""
        return {*self.models, *self.configs, *self.endpoints}

    # the service

    def _perform(self, operation: str, parameters: dict) -> dict:
        with self._lock:
            self.calls.append((operation, parameters))
            fault = self._fault(operation)
            if fault is not None and not fault.get("took_effect"):
                raise _raised(fault)
            answer = getattr(self, f"_{operation}")(**parameters)
            if fault is not None:
                raise _raised(fault)
            return answer

    def _fault(self, operation: str) -> dict | None:
        for fault in self._faults:
            if fault["operation"] == operation and fault["times"] > 0:
                if fault["after"] > 0:
                    fault["after"] -= 1
                    return None
                fault["times"] -= 1
                return fault
        return None

    @staticmethod
    def _arn(kind: str, name: str) -> str:
        return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name.lower()}"

    def _CreateModel(self, ModelName, **parameters) -> dict:
        if ModelName in self.models:
            raise invalid(f'Cannot create already existing model "{self._arn("model", ModelName)}".')
        self.models[ModelName] = {"ModelName": ModelName, **parameters, "CreationTime": 1.0}
        return {"ModelArn": self._arn("model", ModelName)}

    def _DescribeModel(self, ModelName) -> dict:
        if ModelName not in self.models:
            raise invalid(f'Could not find model "{self._arn("model", ModelName)}".')
        return {**self.models[ModelName], "ModelArn": self._arn("model", ModelName)}

    def _DeleteModel(self, ModelName) -> dict:
        self._DescribeModel(ModelName)
        del self.models[ModelName]
        return {}

    def _CreateEndpointConfig(self, EndpointConfigName, ProductionVariants, **parameters) -> dict:
        if EndpointConfigName in self.configs:
            raise invalid(f'Cannot create already existing endpoint configuration "{EndpointConfigName}".')
        for variant in ProductionVariants:
            self._DescribeModel(variant["ModelName"])
        self.configs[EndpointConfigName] = {
            "EndpointConfigName": EndpointConfigName, "ProductionVariants": ProductionVariants, **parameters,
            "CreationTime": 1.0,
        }  # fmt: skip
        return {"EndpointConfigArn": self._arn("endpoint-config", EndpointConfigName)}

    def _DescribeEndpointConfig(self, EndpointConfigName) -> dict:
        if EndpointConfigName not in self.configs:
            raise invalid(f'Could not find endpoint configuration "{EndpointConfigName}".')
        return {
            **self.configs[EndpointConfigName],
            "EndpointConfigArn": self._arn("endpoint-config", EndpointConfigName),
        }

    def _DeleteEndpointConfig(self, EndpointConfigName) -> dict:
        self._DescribeEndpointConfig(EndpointConfigName)
        del self.configs[EndpointConfigName]
        return {}

    def _CreateEndpoint(self, EndpointName, EndpointConfigName, **parameters) -> dict:
        if EndpointName in self.endpoints:
            raise invalid(f'Cannot create already existing endpoint "{self._arn("endpoint", EndpointName)}".')
        self._DescribeEndpointConfig(EndpointConfigName)
        script = list(self.creating)
        self.endpoints[EndpointName] = {
            "EndpointName": EndpointName,
            "config": EndpointConfigName,
            **parameters,
            "script": script,
        }
        return {"EndpointArn": self._arn("endpoint", EndpointName)}

    def _UpdateEndpoint(self, EndpointName, EndpointConfigName, **parameters) -> dict:
        endpoint = self._endpoint(EndpointName)
        self._refuse_in_progress(endpoint)
        self._DescribeEndpointConfig(EndpointConfigName)
        self._refuse_scaled(endpoint, EndpointConfigName)
        endpoint.update(script=list(self.updating), pending=EndpointConfigName)
        return {"EndpointArn": self._arn("endpoint", EndpointName)}

    def _endpoint(self, name: str) -> dict:
        if name not in self.endpoints:
            raise invalid(f'Could not find endpoint "{self._arn("endpoint", name)}".')
        return self.endpoints[name]

    @staticmethod
    def _now(endpoint: dict) -> tuple[str, str]:
        state = endpoint["script"][0]
        return state if isinstance(state, tuple) else (state, "")

    def _refuse_in_progress(self, endpoint: dict) -> None:
        if self._now(endpoint)[0] in MOVING:
            raise invalid(f'Cannot update in-progress endpoint "{self._arn("endpoint", endpoint["EndpointName"])}".')

    def _refuse_scaled(self, endpoint: dict, config_name: str) -> None:
        live, new = (
            {
                variant["VariantName"]: variant.get("InstanceType")
                for variant in self.configs[name]["ProductionVariants"]
            }
            for name in (endpoint["config"], config_name)
        )
        changed = {name for name, kind in live.items() if new.get(name, "") != kind}
        if scaled := changed & self.scaled_variants(endpoint["EndpointName"]):
            raise invalid(
                f'The variant(s) "{sorted(scaled)}" must be deregistered as scalable targets with AWS Application Auto'
                " Scaling before they can be removed or have their instance type updated."
            )

    def _DescribeEndpoint(self, EndpointName) -> dict:
        endpoint = self._endpoint(EndpointName)
        status, reason = self._now(endpoint)
        if status == "InService" and "pending" in endpoint and "RollingBack" not in endpoint.get("seen", ()):
            endpoint["config"] = endpoint.pop("pending")
        endpoint.setdefault("seen", []).append(status)
        if len(endpoint["script"]) > 1:
            endpoint["script"].pop(0)
        elif status == "Deleting":
            del self.endpoints[EndpointName]
        variants = self.configs.get(endpoint["config"], {}).get("ProductionVariants", [])
        answer = {
            "EndpointName": EndpointName,
            "EndpointArn": self._arn("endpoint", EndpointName),
            "EndpointConfigName": endpoint["config"],
            "EndpointStatus": status,
            "ProductionVariants": [
                {
                    "VariantName": variant["VariantName"],
                    "CurrentInstanceCount": variant.get("InitialInstanceCount", 0),
                    "DesiredInstanceCount": variant.get("InitialInstanceCount", 0),
                    "CurrentWeight": variant.get("InitialVariantWeight", 1.0),
                    "DeployedImages": [{"SpecifiedImage": "image:tag"}],
                }
                for variant in variants
            ],
            "CreationTime": 1.0,
            "LastModifiedTime": 2.0,
        }
        if status == "Updating" and "pending" in endpoint:
            answer["PendingDeploymentSummary"] = {"EndpointConfigName": endpoint["pending"]}
        return answer | ({"FailureReason": reason} if reason else {})

    def _DeleteEndpoint(self, EndpointName) -> dict:
        endpoint = self._endpoint(EndpointName)
        self._refuse_in_progress(endpoint)
        endpoint["script"] = list(self.deleting)
        return {}

    def _ListTags(self, ResourceArn) -> dict:
        kind, _, name = ResourceArn.rpartition(":")[2].partition("/")
        stores = {
            "model": self.models,
            "endpoint-config": self.configs,
            "endpoint": self.endpoints,
            "transform-job": self.jobs,
            "compilation-job": self.compilations,
        }
        for key, value in stores[kind].items():
            if key.lower() == name:
                return {"Tags": value.get("Tags", [])}
        raise invalid(f"Could not find {ResourceArn}")

    def _ListEndpoints(self) -> dict:
        return {
            "Endpoints": [
                {
                    "EndpointName": name, "EndpointArn": self._arn("endpoint", name), "CreationTime": 1.0,
                    "LastModifiedTime": 1.0, "EndpointStatus": self._now(endpoint)[0],
                }
                for name, endpoint in self.endpoints.items()
            ]
        }  # fmt: skip

    def _ListEndpointConfigs(self) -> dict:
        return {
            "EndpointConfigs": [
                {
                    "EndpointConfigName": name,
                    "EndpointConfigArn": self._arn("endpoint-config", name),
                    "CreationTime": 1.0,
                }
                for name in self.configs
            ]
        }

    def _ListModels(self) -> dict:
        return {
            "Models": [
                {"ModelName": name, "ModelArn": self._arn("model", name), "CreationTime": 1.0} for name in self.models
            ]
        }

    def _ListTransformJobs(self) -> dict:
        return {
            "TransformJobSummaries": [
                {
                    "TransformJobName": name, "TransformJobArn": self._arn("transform-job", name), "CreationTime": 1.0,
                    "TransformJobStatus": self._now(job)[0],
                }
                for name, job in self.jobs.items()
            ]
        }  # fmt: skip

    def _CreateTransformJob(self, TransformJobName, ModelName, **parameters) -> dict:
        if TransformJobName in self.jobs:
            raise AwsFault("ResourceInUse", f"Job name must be unique: {TransformJobName}")
        self._DescribeModel(ModelName)
        self.jobs[TransformJobName] = {
            "TransformJobName": TransformJobName, "ModelName": ModelName, **parameters,
            "script": list(self.transforming),
        }  # fmt: skip
        return {"TransformJobArn": self._arn("transform-job", TransformJobName)}

    def _DescribeTransformJob(self, TransformJobName) -> dict:
        if TransformJobName not in self.jobs:
            raise AwsFault("ResourceNotFound", "Requested resource not found.")
        job = self.jobs[TransformJobName]
        status, reason = self._now(job)
        if len(job["script"]) > 1:
            job["script"].pop(0)
        answer = {key: value for key, value in job.items() if key not in {"script", "Tags"}}
        answer |= {
            "TransformJobArn": self._arn("transform-job", TransformJobName),
            "TransformJobStatus": status,
            "CreationTime": 1.0,
        }
        return answer | ({"FailureReason": reason} if reason else {})

    def _StopTransformJob(self, TransformJobName) -> dict:
        if TransformJobName not in self.jobs:
            raise AwsFault("ResourceNotFound", "Requested resource not found.")
        self.jobs[TransformJobName]["script"] = ["Stopping", "Stopped"]
        return {}

    def _CreateCompilationJob(self, CompilationJobName, **parameters) -> dict:
        self.compilations[CompilationJobName] = {**parameters, "script": list(self.compiling)}
        return {"CompilationJobArn": self._arn("compilation-job", CompilationJobName)}

    def _DescribeCompilationJob(self, CompilationJobName) -> dict:
        job = self.compilations[CompilationJobName]
        status, reason = self._now(job)
        if len(job["script"]) > 1:
            job["script"].pop(0)
        return {
            "CompilationJobName": CompilationJobName,
            "CompilationJobArn": self._arn("compilation-job", CompilationJobName),
            "CompilationJobStatus": status,
            "FailureReason": reason,
            "ModelArtifacts": {"S3ModelArtifacts": job["OutputConfig"]["S3OutputLocation"] + "model.tar.gz"},
            "RoleArn": job["RoleArn"],
            "InputConfig": job["InputConfig"],
            "OutputConfig": job["OutputConfig"],
            "StoppingCondition": job["StoppingCondition"],
            "CreationTime": 1.0,
            "LastModifiedTime": 1.0,
        }

    def _ListCompilationJobs(self) -> dict:
        return {
            "CompilationJobSummaries": [
                {
                    "CompilationJobName": name, "CompilationJobArn": self._arn("compilation-job", name),
                    "CreationTime": 1.0, "CompilationTargetDevice": "ml_m5", "CompilationJobStatus": self._now(job)[0],
                }
                for name, job in self.compilations.items()
            ]
        }  # fmt: skip

    def _StopCompilationJob(self, CompilationJobName) -> dict:
        self.compilations[CompilationJobName]["script"] = ["STOPPED"]
        return {}

    def _invoke(self, name: str, headers: dict, body: bytes) -> tuple[bytes, dict]:
        with self._lock:
            self.calls.append(("InvokeEndpoint", {"EndpointName": name, "Body": body, "headers": headers}))
            fault = self._fault("InvokeEndpoint")
        if fault is not None:
            raise _raised(fault)
        return self.answer(name, headers, body)

    def _invoke_async(self, name: str, headers: dict) -> tuple[bytes, dict]:
        with self._lock:
            self.calls.append(("InvokeEndpointAsync", {"EndpointName": name, "headers": headers}))
            fault = self._fault("InvokeEndpointAsync")
        if fault is not None:
            raise _raised(fault)
        inference_id = headers.get("x-amzn-sagemaker-inference-id") or str(uuid.uuid4())
        answer = {
            "x-amzn-sagemaker-outputlocation": f"s3://queue/out/{inference_id}.out",
            "x-amzn-sagemaker-failurelocation": f"s3://queue/fail/{inference_id}-error.out",
        }
        return json.dumps({"InferenceId": inference_id}).encode(), answer

    def _handler(fake) -> type[BaseHTTPRequestHandler]:  # noqa: N805  the handler has a self of its own
        request_ids = itertools.count(1)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {key.lower(): value for key, value in self.headers.items()}
                runtime = re.fullmatch(r"/endpoints/([^/]+)/(async-)?invocations", self.path)
                try:
                    if runtime and runtime[2]:
                        self._send(202, *fake._invoke_async(runtime[1], headers))
                    elif runtime:
                        self._send(200, *fake._invoke(runtime[1], headers, body))
                    else:
                        operation = headers["x-amz-target"].partition(".")[2]
                        answer = fake._perform(operation, json.loads(body or b"{}"))
                        self._send(200, json.dumps(answer).encode(), {})
                except AwsFault as fault:
                    if fault.code == "ConnectionClosed":
                        self.close_connection = True
                        return
                    answer = {"__type": fault.code, "message": fault.message, "Message": fault.message, **fault.more}
                    self._send(fault.status, json.dumps(answer).encode(), {"x-amzn-errortype": fault.code})

            def _send(self, status: int, body: bytes, headers: dict) -> None:
                self.send_response(status)
                self.send_header("x-amzn-requestid", f"request-{next(request_ids)}")
                self.send_header("Content-Type", headers.pop("Content-Type", "application/x-amz-json-1.1"))
                missing = headers.pop("missing bytes", 0)  # of a connection that breaks
                self.close_connection = self.close_connection or missing > 0
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body) + missing))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args) -> None:
                pass

        return Handler


def _raised(fault: dict) -> AwsFault:
    known = {"operation", "code", "message", "times", "after", "took_effect", "status"}
    more = {key: value for key, value in fault.items() if key not in known}
    return AwsFault(fault["code"], fault["message"], fault.get("status", 400), **more)
