"""``inspect s3://...`` with machines that are not this one: tasks on an ECS cluster, or a SageMaker batch transform."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import click

from elasticache_police.cli.writing import write_reports

__all__ = ["Elsewhere"]


@attrs.frozen(kw_only=True)
class Elsewhere:
    """A collection in S3, and who inspects it."""

    paths: tuple[str, ...]
    """As written on the command line; one ``s3://BUCKET/PREFIX`` is needed."""
    form: str
    output: str | None
    names: tuple[str, ...]
    model: str | None
    results: str | None
    """``s3://BUCKET/PREFIX`` for results."""
    min_confidence: float | None
    local: Mapping[str, object]
    """Options that only this machine can follow: refused where they are not None."""

    def on_ecs(self, cluster: str, *, tasks: int | None) -> int:
        """Inspect with tasks on a cluster and return the exit code."""
        source = self._source("--on-ecs")
        if self.form not in {"text", "json"}:
            raise click.UsageError(f"--format {self.form} does not go with --on-ecs; text and json do")
        if self.min_confidence is not None:
            raise click.UsageError("--min-confidence does not go with --on-ecs")
        from elasticache_police.cli.ecs import inspect_collection

        return inspect_collection(
            source,
            cluster=cluster,
            tasks=4 if tasks is None else tasks,
            results=self.results,
            names=self.names,
            model=self.model,
            form=self.form,
            output=self.output,
        )

    def on_sagemaker(self, model_name: str) -> int:
        """Inspect by a batch transform with a SageMaker model and return the exit code."""
        source = self._source("--on-sagemaker")
        if self.results is None:
            raise click.UsageError("--on-sagemaker needs --results s3://BUCKET/PREFIX")
        if self.model is not None:
            raise click.UsageError("--model does not go with --on-sagemaker, which names a SageMaker model")
        from elasticache_police import sagemaker_deploy
        from elasticache_police.cli._aws_options import display
        from elasticache_police.report.document import summarise
        from elasticache_police.spelling import DEFAULT_NAME

        spec = sagemaker_deploy.BatchSpec(model=model_name, input_url=source, output_url=self.results)
        with display() as shown:
            reports = list(
                sagemaker_deploy.inspect_batch(
                    spec,
                    names=self.names or (DEFAULT_NAME,),
                    min_confidence=0.9 if self.min_confidence is None else self.min_confidence,
                    on_event=shown.on_event,
                    on_progress=shown.on_progress,
                )
            )
        write_reports(reports, self.form, self.output)
        return summarise(reports).exit_code

    def _source(self, option: str) -> str:
        if len(self.paths) != 1 or not self.paths[0].startswith("s3://"):
            raise click.UsageError(f"{option} takes one s3://BUCKET/PREFIX")
        for name, value in self.local.items():
            if value is not None:
                raise click.UsageError(f"{name} does not go with {option}")
        return self.paths[0]
