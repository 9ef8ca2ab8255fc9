"""The command line: thin over the library, and quick to say ``--help``.

A command's module is imported only when that command runs; the table below is all that the others cost.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import attrs
import click

from elasticache_police.cli._streams import let_go_of_unread, telling
from elasticache_police.errors import MissingExtraError, PoliceError

__all__ = ["CommandEntry", "LazyGroup", "main"]

EXIT_ERROR = 2
"""Usage, an unreadable input, or any PoliceError; the same as click's own for usage."""
EXIT_CRASH = 70
"""A mistake of ours, as sysexits.h has it; Python's own code for that, 1, means misspellings here."""
EXIT_INTERRUPTED = 130
"""Ctrl-C, as shells have it: 128 + SIGINT."""
EXIT_PIPE_CLOSED = 141
"""The reader of our output went away, as shells have it: 128 + SIGPIPE."""

_PACKAGES_OF_EXTRAS = {
    "fontTools": "train",
    "keras": "train",
    "onnx": "train",
    "pypdfium2": "pdf",
    "tensorflow": "train",
}


@attrs.frozen
class CommandEntry:
    """A command that is not imported yet."""

    target: str
    """Where it is: ``module:attribute``."""
    summary: str
    """Its line in the list of commands."""
    extra: str | None = None
    """The extra it needs."""


_COMMANDS = {
    "inspect": CommandEntry("elasticache_police.cli.inspect:inspect", "Find misspelled names in pictures."),
    "dataset": CommandEntry("elasticache_police.cli.training:dataset", "Draw labelled samples to look at.", "train"),
    "train": CommandEntry("elasticache_police.cli.training:train", "Train a model, for any name.", "train"),
    "export": CommandEntry("elasticache_police.cli.export:export", "Write SavedModel and model.tar.gz.", "train"),
    "serve": CommandEntry("elasticache_police.cli.serve:serve", "Serve a model.tar.gz on this machine.", "serve"),
    "deploy": CommandEntry("elasticache_police.cli.sagemaker:deploy", "Put a model behind a SageMaker endpoint."),
    "endpoint": CommandEntry("elasticache_police.cli.sagemaker:endpoint", "Show, list, update and delete endpoints."),
    "invoke": CommandEntry("elasticache_police.cli.invoke:invoke", "Ask a SageMaker endpoint about pictures."),
    "batch": CommandEntry("elasticache_police.cli.batch:batch", "Inspect an S3 prefix by batch transform."),
    "compile": CommandEntry("elasticache_police.cli.compile:compile_", "Compile a model with SageMaker Neo."),
    "iam": CommandEntry("elasticache_police.cli.iam:iam", "Show the least permissions of each operation."),
    "ecs": CommandEntry("elasticache_police.cli.ecs:ecs", "Register own machines and run tasks on them."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they run, and whose errors are one clear line each.

    Args:
        entries: The commands, in the order in which help lists them.
    """

    def __init__(self, *args: Any, entries: dict[str, CommandEntry] | None = None, **kwargs: Any) -> None:  # noqa: ANN401  click's own
        super().__init__(*args, **kwargs)
        self.entries = entries or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names without importing one."""
        return [*self.entries, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = entry.target.partition(":")
        try:
            command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if entry.extra is None:
                raise
            raise MissingExtraError(f"the command {cmd_name}", entry.extra) from error
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.target} is no click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.entries.items()])

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401  click's own
    ) -> click.Context:
        """Understand the command line, or show the help that it asks for."""
        with _unread_is_no_crash():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  click's own
        """Run a command; say which extra is missing where a package is."""
        try:
            with _unread_is_no_crash():
                return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            click.echo(file=telling())  # ends the line in which a terminal shows ^C
            raise click.Abort from interrupt
        except ModuleNotFoundError as error:
            extra = _PACKAGES_OF_EXTRAS.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            raise MissingExtraError(f"the command {ctx.invoked_subcommand}", extra) from error

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002  click's own
        **extra: Any,  # noqa: ANN401  click's own
    ) -> Any:  # noqa: ANN401  click's own
        """Run, and leave with one of our exit codes; raise instead if not `standalone_mode`."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        _open_missing_streams()
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.ClickException as error:
            error.show(telling())
            sys.exit(error.exit_code)
        except click.Abort:
            _leave("interrupted", EXIT_INTERRUPTED)
        except PoliceError as error:
            _leave(f"error: {error}", EXIT_ERROR)
        except Exception:  # noqa: BLE001  a crash must not leave with 1, which says that names are misspelled
            traceback.print_exc(file=telling())
            _leave("this is a mistake of elasticache-police: please report it with the lines above", EXIT_CRASH)
        sys.exit(code if isinstance(code, int) else 0)


@contextlib.contextmanager
def _unread_is_no_crash() -> Iterator[None]:
    """Leave quietly when nobody reads any more; click and rich would with 1, which says that names are misspelled."""
    try:
        yield
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        let_go_of_unread()
        raise click.exceptions.Exit(EXIT_PIPE_CLOSED) from error


def _open_missing_streams() -> None:
    """Open what a parent process closed: nothing comes in, and what goes out is lost."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123  open to the end


def _leave(message: str, code: int) -> NoReturn:
    click.echo(message, file=telling())
    sys.exit(code)


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  click's own
    if value and not ctx.resilient_parsing:
        from elasticache_police import __version__

        click.echo(f"elasticache-police {__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, entries=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def main() -> None:
    """Find misspelled product names in pictures: it is Amazon ElastiCache, not ElasticCache."""
