"""Type-checked, never run: what a user's editor says about endpoints."""

from __future__ import annotations

from typing import assert_type

from elasticache_police import Classification, Police, Report, Ticket
from elasticache_police import sagemaker_deploy as sm

model = sm.ModelSpec(model_data_url="s3://bucket/model.tar.gz", role_arn="arn:aws:iam::111122223333:role/R")
spec = sm.EndpointSpec(model=model, variants=[sm.Variant(routing="LEAST_OUTSTANDING_REQUESTS")])
assert_type(sm.plan(spec), sm.Plan)
assert_type(sm.deploy(spec), sm.Deployment)
assert_type(sm.update(spec), sm.Deployment)
assert_type(sm.status("E"), sm.EndpointStatus)
assert_type(sm.list(), tuple[sm.Resource, ...])
assert_type(sm.delete("E"), sm.Teardown)
assert_type(sm.create_model(model), str)
assert_type(sm.upload("model.tar.gz"), sm.Upload)

police = Police.from_endpoint("E")
assert_type(police, Police)
assert_type(police.classify("crop.png", wire="floats"), Classification)
with Police.deployed(spec) as deployed:
    assert_type(deployed, Police)

queued = Police.from_async("E", input_url="s3://bucket/in")
ticket = queued.submit("slides.pdf")
assert_type(ticket, Ticket)
assert_type(Ticket.from_json(ticket.to_json()).result(timeout_s=900), Report)
for report in sm.inspect_batch(sm.BatchSpec(model="M", input_url="s3://bucket/in/", output_url="s3://bucket/out/")):
    assert_type(report, Report)

police.classify("crop.png", wire="xml")  # type: ignore[call-overload]
sm.Variant(routing="ROUND_ROBIN")  # type: ignore[arg-type]
