"""``elasticache-police deploy`` and ``endpoint``: put a model behind a SageMaker endpoint, watch it, take it down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from elasticache_police.cli._aws_options import Display, account_options, aws_session, display, key_value
from elasticache_police.cli._deploy_options import Wanted, deploy_options, spec_of
from elasticache_police.errors import ConfigurationError, NotFoundError, PoliceError

if TYPE_CHECKING:
    from boto3.session import Session

    from elasticache_police.sagemaker_deploy import EndpointSpec, EndpointStatus, Resource, Scope

__all__ = ["deploy", "endpoint"]

_SOME_ACCOUNT = "111122223333"  # AWS's own example; a dry run does not ask whose account this is
_SOME_ROLE = f"arn:aws:iam::{_SOME_ACCOUNT}:role/ROLE"


@click.command()
@deploy_options
def deploy(**options: object) -> None:
    """Put MODEL, a model.tar.gz or its S3 URL, behind an endpoint and wait until it answers.

    Safe to repeat. When something fails, or on Ctrl-C, what was made is removed again.
    """
    _deploy(Wanted(**options), updating=False)  # type: ignore[arg-type]  # click's names are these fields


@click.group()
def endpoint() -> None:
    """Show, list, update and delete endpoints."""


@endpoint.command("update")
@deploy_options
def endpoint_update(**options: object) -> None:
    """Move an existing endpoint to MODEL and these options; a rolled-back update is an error."""
    _deploy(Wanted(**options), updating=True)  # type: ignore[arg-type]  # click's names are these fields


@endpoint.command("status")
@click.argument("name", default="ElastiCachePoliceEndpoint")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@account_options
def endpoint_status(*, name: str, as_json: bool, region: str | None, profile: str | None) -> None:
    """Show what endpoint NAME is doing."""
    from elasticache_police import sagemaker_deploy

    seen = sagemaker_deploy.status(name, session=aws_session(region, profile))
    click.echo(json.dumps(attrs.asdict(seen), indent=2, default=str) if as_json else _words(seen))


@endpoint.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@account_options
def endpoint_list(*, as_json: bool, region: str | None, profile: str | None) -> None:
    """List everything of this project here, its half on ECS included."""
    from elasticache_police import sagemaker_deploy

    with display() as shown:
        found = sagemaker_deploy.list(on_event=shown.on_event, session=aws_session(region, profile))
    if as_json:
        click.echo(json.dumps([_plain(resource) for resource in found], indent=2))
        return
    for resource in found:
        click.echo("\t".join((resource.kind, resource.part or resource.name, resource.status or "-", _cost(resource))))
    if not found:
        click.echo("nothing of this project is here", err=True)


@endpoint.command("delete")
@click.argument("name", required=False)
@click.option("--all-of-this-project", is_flag=True, help="Everything that `endpoint list` lists.")
@click.option("--keep-models", is_flag=True, help="Leave the models of NAME.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="With --all-of-this-project: list, and delete nothing.")
@account_options
def endpoint_delete(
    *,
    name: str | None,
    all_of_this_project: bool,
    keep_models: bool,
    yes: bool,
    dry_run: bool,
    region: str | None,
    profile: str | None,
) -> None:
    """Delete endpoint NAME with its scaling, alarms, configurations and models.

    With --all-of-this-project: everything of both halves. Activations end then, tasks are stopped, and machines leave
    their clusters.
    """
    from elasticache_police import sagemaker_deploy

    if (name is None) != all_of_this_project:
        raise click.UsageError("name an endpoint, or say --all-of-this-project")
    if keep_models and all_of_this_project:
        raise click.UsageError("--keep-models goes with the NAME of an endpoint; all of this project has its models")
    session = aws_session(region, profile)
    found: tuple[sagemaker_deploy.Resource, ...] = ()
    if name is None:
        with display() as shown:
            found = sagemaker_deploy.list(on_event=shown.on_event, session=session)
        for resource in found:
            click.echo(f"{resource} {resource.status}".rstrip())
        if dry_run or not found:
            return
    elif dry_run:
        raise click.UsageError("--dry-run goes with --all-of-this-project")
    if not yes:
        click.confirm(f"Delete {name or 'all of this'}?", abort=True, err=True)
    with display() as shown:
        if name is None:
            sagemaker_deploy.delete_all(
                only=found, on_event=shown.on_event, on_progress=shown.on_progress, session=session
            )
        else:
            gone = sagemaker_deploy.delete(
                name,
                keep_models=keep_models,
                on_event=shown.on_event,
                on_progress=shown.on_progress,
                session=session,
            )
            if not gone.removed:
                where = f"region {session.region_name}"
                click.echo(
                    f"nothing was deleted: there is no endpoint {name}, nor anything made for it, in {where}", err=True
                )


def _deploy(wanted: Wanted, *, updating: bool) -> None:
    from elasticache_police import sagemaker_deploy

    session = aws_session(wanted.region, wanted.profile)
    region = wanted.region or session.region_name
    if region is None:
        raise ConfigurationError("no AWS region: give --region, or set AWS_DEFAULT_REGION")
    wanted = attrs.evolve(wanted, region=region)
    if wanted.dry_run:
        click.echo(_dry_run(wanted))
        return
    if wanted.role_arn is None and wanted.create_role is None:
        raise click.UsageError("SageMaker needs a role to assume: give --role-arn, or --create-role NAME")
    sagemaker_deploy.plan(spec_of(wanted, "s3://not-sent/yet", wanted.role_arn or _SOME_ROLE))  # refuse before sending
    with display() as shown:
        role_arn = _role(wanted, session)
        url, made = _upload(wanted, session, shown)
        spec = spec_of(wanted, url, role_arn)
        action = sagemaker_deploy.update if updating else sagemaker_deploy.deploy
        try:
            done = action(
                spec,
                timeout_s=wanted.timeout_s,
                undo=not wanted.keep_on_failure,
                on_event=shown.on_event,
                on_progress=shown.on_progress,
                session=session,
            )
        except BaseException as error:
            if made is not None and not wanted.keep_on_failure:
                error.add_note(_take_back(made, spec, session))
            raise
    click.echo(f"{done.action}: {_words(done.endpoint)}")


def _dry_run(wanted: Wanted) -> str:
    """Return the requests as JSON; no call is made, so a local archive's account is an example."""
    from elasticache_police import sagemaker_deploy
    from elasticache_police.sagemaker_deploy.archive import check_archive, default_bucket, default_key
    from elasticache_police.sagemaker_deploy.roles import role_requests

    url = wanted.model
    requests: list[object] = []
    if wanted.role_arn is None and wanted.create_role is not None:
        requests += map(attrs.asdict, role_requests(_scope(wanted, _SOME_ACCOUNT, "aws")))
    if not url.startswith("s3://"):
        check_archive(Path(url))
        bucket = wanted.bucket or default_bucket(str(wanted.region), _SOME_ACCOUNT)
        key = wanted.key or default_key(Path(url))
        requests.append(
            {"service": "s3", "operation": "PutObject", "parameters": {"Bucket": bucket, "Key": key, "Body": url}}
        )
        url = f"s3://{bucket}/{key}"
    role_arn = wanted.role_arn or _SOME_ROLE.replace("ROLE", wanted.create_role or "ROLE")
    if _SOME_ACCOUNT in url + role_arn:
        click.echo(f"{_SOME_ACCOUNT} stands for your account: a dry run asks AWS nothing", err=True)
    requests += json.loads(sagemaker_deploy.plan(spec_of(wanted, url, role_arn)).to_json())
    return json.dumps(requests, indent=2, ensure_ascii=False)


def _role(wanted: Wanted, session: Session) -> str:
    from elasticache_police._aws import Clients
    from elasticache_police.sagemaker_deploy import ensure_execution_role

    if wanted.role_arn is not None:
        return wanted.role_arn
    clients = Clients(session=session)
    return ensure_execution_role(_scope(wanted, clients.account_id(), clients.partition), session=session).arn


def _scope(wanted: Wanted, account_id: str, partition: str) -> Scope:
    """Return what the role may use: what the options name, and nothing else."""
    from elasticache_police.sagemaker_deploy import Scope

    return Scope(
        region=str(wanted.region),
        account_id=account_id,
        partition=partition,
        role_name=str(wanted.create_role),
        bucket=wanted.bucket or "sagemaker-*",
        urls=_places(wanted),
        kms_key_arn=wanted.kms_key_id if str(wanted.kms_key_id).startswith("arn:") else None,
        topic_arns=[topic for topic in (wanted.success_topic, wanted.error_topic) if topic is not None],
        vpc=bool(wanted.subnets),
    )


def _places(wanted: Wanted) -> list[str]:
    """Return the places in S3 that the endpoint reads and writes, beside the archive in its usual place."""
    named = [wanted.async_input, wanted.async_output, wanted.async_failure, wanted.capture]
    if wanted.model.startswith("s3://"):
        named.append(wanted.model)
    elif wanted.key is not None:
        named.append(f"s3://{wanted.bucket or 'sagemaker-*'}/{wanted.key}")
    return [url for url in (*named, *(url for _, url in map(key_value, wanted.variant_models))) if url is not None]


def _upload(wanted: Wanted, session: Session, shown: Display) -> tuple[str, Resource | None]:
    """Return the archive's S3 URL, and the archive if it was not there before."""
    from elasticache_police import sagemaker_deploy
    from elasticache_police.sagemaker_deploy import Event, Resource

    if wanted.model.startswith("s3://"):
        return wanted.model, None
    sent = sagemaker_deploy.upload(
        wanted.model,
        bucket=wanted.bucket,
        key=wanted.key,
        kms_key_id=wanted.kms_key_id,
        on_bytes=shown.on_bytes,
        session=session,
    )
    archive = Resource(kind="archive", name=sent.url.removeprefix("s3://"))
    shown.on_event(Event(action="reusing" if sent.reused else "creating", resource=archive))
    return sent.url, None if sent.reused else archive


def _take_back(archive: Resource, spec: EndpointSpec, session: Session) -> str:
    """Remove an archive that was sent for a deployment that failed, unless a model that stayed needs it."""
    from elasticache_police import sagemaker_deploy
    from elasticache_police.sagemaker_deploy._session import Work
    from elasticache_police.sagemaker_deploy.teardown import remove

    work = Work.of(session=session, region=spec.region)
    for name in sagemaker_deploy.plan(spec).model_names:
        try:
            work.send("sagemaker", "DescribeModel", ModelName=name)
        except NotFoundError:
            continue
        except PoliceError as error:
            return f"LEFT BEHIND: {archive} (model {name} may still need it: {error})"
        return f"LEFT BEHIND: {archive} (model {name} needs it)"
    return str(remove(work, [archive]))


def _words(seen: EndpointStatus) -> str:
    lines = [f"endpoint {seen.name} is {seen.status} with configuration {seen.config_name}"]
    if seen.failure_reason:
        lines.append(f"  reason: {seen.failure_reason}")
    lines += [
        f"  {'shadow' if variant.shadow else 'variant'} {variant.name}:"
        f" {variant.instance_count} of {variant.desired_count} instances,"
        f" weight {variant.weight:g}" + (f", {variant.image}" if variant.image else "")
        for variant in seen.variants
    ]
    if seen.output_url:
        lines.append(f"  answers appear under {seen.output_url}")
    return "\n".join(lines)


def _plain(resource: Resource) -> dict[str, str | bool]:
    return {
        "kind": resource.kind,
        "name": resource.part or resource.name,
        "status": resource.status,
        "billable": resource.billable,
    }


def _cost(resource: Resource) -> str:
    return "costs money" if resource.billable else "free"
