"""What ``deploy`` makes before it deploys, an execution role and an archive in S3, and how that goes again."""

from __future__ import annotations

import re
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from elasticache_police.cli._aws_options import Display, key_values
from elasticache_police.cli._deploy_options import Wanted
from elasticache_police.errors import NotFoundError, PoliceError

if TYPE_CHECKING:
    from boto3.session import Session

    from elasticache_police.sagemaker_deploy import EndpointSpec, Resource, Scope

__all__ = ["Preparation", "check_key", "role_scope"]

_KEY_ARN = re.compile(r"arn:[^:]+:kms:[^:]+:[^:]+:key/.+")


class Preparation:
    """Makes the role and sends the archive; when the block fails, what this made goes, unless a model needs it.

    Args:
        wanted: The options.
        session: boto3 session.
        shown: Told of every step.
    """

    def __init__(self, wanted: Wanted, session: Session, shown: Display) -> None:
        self._wanted = wanted
        self._session = session
        self._shown = shown
        self._archive: Resource | None = None
        self._made_role = False
        self._spec: EndpointSpec | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or not (self._made_role or self._archive):
            return
        names = [f"role {self._wanted.create_role}"] if self._made_role else []
        names += [str(self._archive)] if self._archive else []
        if self._wanted.keep_on_failure:
            error.add_note(f"kept as asked: {', '.join(names)}")
            return
        try:
            needed = self._why_needed()
            notes = [f"LEFT BEHIND: {', '.join(names)} ({needed})"] if needed else self._take_back()
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(f"LEFT BEHIND: {', '.join(names)} (interrupted)")
            raise
        for note in notes:
            error.add_note(note)

    def role(self) -> str:
        """Return the ARN of the role that was named, made if it was to be and does not exist."""
        from elasticache_police._aws import Clients
        from elasticache_police.sagemaker_deploy import ensure_execution_role

        if self._wanted.role_arn is not None:
            return self._wanted.role_arn
        clients = Clients(session=self._session)
        scope = role_scope(self._wanted, clients.account_id(), clients.partition)
        role = ensure_execution_role(scope, session=self._session)
        self._made_role = role.created
        return role.arn

    def upload(self) -> str:
        """Return the archive's S3 URL; a local one is sent there."""
        from elasticache_police import sagemaker_deploy
        from elasticache_police.sagemaker_deploy import Event, Resource

        if self._wanted.model.startswith("s3://"):
            return self._wanted.model
        sent = sagemaker_deploy.upload(
            self._wanted.model,
            bucket=self._wanted.bucket,
            key=self._wanted.key,
            kms_key_id=self._wanted.kms_key_id,
            on_bytes=self._shown.on_bytes,
            session=self._session,
        )
        archive = Resource(kind="archive", name=sent.url.removeprefix("s3://"))
        self._archive = None if sent.reused else archive
        self._shown.on_event(Event(action="reusing" if sent.reused else "creating", resource=archive))
        return sent.url

    def serves(self, spec: EndpointSpec) -> None:
        """Say what it was made for: where a model of this stays, role and archive stay with it."""
        self._spec = spec

    def _why_needed(self) -> str:
        """Return which model that stayed needs what was made; empty if none does."""
        from elasticache_police import sagemaker_deploy
        from elasticache_police.sagemaker_deploy._session import Work

        if self._spec is None:
            return ""
        work = Work.of(session=self._session, region=self._spec.region)
        for name in sagemaker_deploy.plan(self._spec).model_names:
            try:
                work.send("sagemaker", "DescribeModel", ModelName=name)
            except NotFoundError:
                continue
            except PoliceError as error:
                return f"model {name} may still need it: {error}"
            return f"model {name} needs it"
        return ""

    def _take_back(self) -> list[str]:
        from elasticache_police.sagemaker_deploy._session import Work
        from elasticache_police.sagemaker_deploy.roles import delete_execution_role
        from elasticache_police.sagemaker_deploy.teardown import remove

        notes = []
        if self._archive is not None:
            work = Work.of(session=self._session, region=self._wanted.region)
            notes.append(str(remove(work, [self._archive])))
        if self._made_role:
            name = str(self._wanted.create_role)
            try:
                delete_execution_role(name, session=self._session)
            except PoliceError as error:
                notes.append(f"LEFT BEHIND: role {name} ({error})")
            else:
                notes.append(f"removed again: role {name}")
        return notes


def check_key(wanted: Wanted) -> None:
    """Refuse a key that the policy of a role to be made cannot name.

    Raises:
        UsageError: It is an alias.
    """
    key = wanted.kms_key_id
    if wanted.create_role is None or key is None or _KEY_ARN.fullmatch(key) or not re.search("[:/]", key):
        return
    raise click.UsageError(
        f"--kms-key-id {key}: a role's policy names a key by its id, so with --create-role give the key's id or ARN:"
        f" aws kms describe-key --key-id {key} --query KeyMetadata.Arn"
    )


def role_scope(wanted: Wanted, account_id: str, partition: str) -> Scope:
    """Return what the role may use: what the options name, and nothing else."""
    from elasticache_police.sagemaker_deploy import Scope

    key = wanted.kms_key_id
    if key is not None and not _KEY_ARN.fullmatch(key):
        key = f"arn:{partition}:kms:{wanted.region}:{account_id}:key/{key}"
    return Scope(
        region=str(wanted.region),
        account_id=account_id,
        partition=partition,
        role_name=str(wanted.create_role),
        bucket=wanted.bucket or "sagemaker-*",
        urls=_places(wanted),
        kms_key_arn=key,
        topic_arns=[topic for topic in (wanted.success_topic, wanted.error_topic) if topic is not None],
        vpc=bool(wanted.subnets),
        image_uris=[] if wanted.image_uri is None else [wanted.image_uri],
    )


def _places(wanted: Wanted) -> list[str]:
    """Return the places in S3 that the endpoint reads and writes, beside the archive in its usual place."""
    named = [wanted.async_input, wanted.async_output, wanted.async_failure, wanted.capture]
    if wanted.model.startswith("s3://"):
        named.append(wanted.model)
    elif wanted.key is not None:
        named.append(f"s3://{wanted.bucket or 'sagemaker-*'}/{wanted.key}")
    return [url for url in (*named, *key_values(wanted.variant_models).values()) if url is not None]
