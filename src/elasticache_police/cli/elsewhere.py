"""``inspect s3://...`` with machines that are not this one: tasks on an ECS cluster, or a SageMaker batch transform."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import click

from elasticache_police.cli.writing import check_output, write_reports

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
    """None for the model's own threshold."""
    quiet: bool = False
    """Leave names that are spelled right out of the table."""
    dry_run: bool = False
    """Print the calls, change nothing."""
    local: Mapping[str, object]
    """Options that only this machine can follow: refused where they are not None."""

    def on_ecs(self, cluster: str, *, tasks: int | None, run_id: str | None = None) -> int:
        """Inspect with tasks on a cluster, or go on with a run there, and return the exit code."""
        source = self._source("--on-ecs")
        from elasticache_police.cli.ecs import inspect_collection

        return inspect_collection(
            source,
            cluster=cluster,
            tasks=4 if tasks is None else tasks,
            results=self.results,
            names=self.names,
            model=self.model,
            min_confidence=self.min_confidence,
            run_id=run_id,
            form=self.form,
            output=self.output,
            quiet=self.quiet,
            dry_run=self.dry_run,
        )

    def on_sagemaker(self, model_name: str) -> int:
        """Inspect by a batch transform with a SageMaker model and return the exit code."""
        source = self._source("--on-sagemaker")
        if self.model is not None:
            raise click.UsageError("--model does not go with --on-sagemaker, which names a SageMaker model")
        from elasticache_police import sagemaker_deploy
        from elasticache_police._remote import min_confidence_of_packaged_model
        from elasticache_police.cli._aws_options import display
        from elasticache_police.report.words import printable
        from elasticache_police.spelling import DEFAULT_NAME

        spec = sagemaker_deploy.BatchSpec(model=model_name, input_url=source, output_url=self._answers(source))
        if self.dry_run:
            from elasticache_police.cli.ecs._shared import show_plan
            from elasticache_police.sagemaker_deploy.batch import batch_request

            show_plan([batch_request(spec, model_name)])
            return 0
        check_output(self.output)
        with display() as shown:
            reports = list(
                sagemaker_deploy.inspect_batch(
                    spec,
                    names=self.names or (DEFAULT_NAME,),
                    min_confidence=min_confidence_of_packaged_model()
                    if self.min_confidence is None
                    else self.min_confidence,
                    on_event=shown.on_event,
                    on_progress=shown.on_progress,
                )
            )
        summary = write_reports(reports, self.form, self.output, quiet=self.quiet)
        for report in reports:
            if report.error is not None:
                click.echo(f"error: {printable(report.source)}: {printable(report.error)}", err=True)
        click.echo(f"answers: {spec.result_prefix}", err=True)
        return summary.exit_code

    def _answers(self, source: str) -> str:
        """Return where a batch transform's answers go: never below the pictures, or the next job would read them."""
        bucket, _, prefix = source.removeprefix("s3://").partition("/")
        place = self.results or f"s3://{bucket}/elasticache-police/answers"
        if f"{place.rstrip('/')}/".startswith(f"s3://{bucket}/{prefix}"):
            raise click.UsageError(f"--results: {place} lies among the pictures of {source}; name another place")
        return place

    def _source(self, option: str) -> str:
        if len(self.paths) != 1 or not self.paths[0].startswith("s3://"):
            raise click.UsageError(f"{option} takes one s3://BUCKET/PREFIX")
        for name, value in self.local.items():
            if value is not None:
                raise click.UsageError(f"{name} does not go with {option}")
        return self.paths[0]
