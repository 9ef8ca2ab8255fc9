"""What the commands that talk to AWS share: whose account, how progress is shown, what an error leaves to be said."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

import attrs
import click

from elasticache_police.cli._signals import interrupted_by_signals
from elasticache_police.cli._streams import telling
from elasticache_police.errors import ConfigurationError, PoliceError

if TYPE_CHECKING:
    from boto3.session import Session

    from elasticache_police._waiting import OnProgress
    from elasticache_police.sagemaker_deploy.resources import OnEvent

__all__ = ["Display", "account_options", "account_words", "aws_session", "display", "key_value", "key_values"]

_Command = TypeVar("_Command", bound=Callable[..., object])


class _Shown(Protocol):
    """What a listener shows: anything with words."""

    def __str__(self) -> str: ...


def account_options(command: _Command) -> _Command:
    """Add ``--region`` and ``--profile``."""
    command = click.option("--profile", help="Profile of the AWS configuration files.")(command)
    return click.option("--region", help="AWS region.  [default: the profile's or AWS_DEFAULT_REGION]")(command)


def account_words() -> list[str]:
    """Return ``--region`` and ``--profile`` as the command that runs was given them, to show one that goes on."""
    context = click.get_current_context(silent=True)
    given = {} if context is None else context.params
    return [word for key in ("region", "profile") if given.get(key) for word in (f"--{key}", str(given[key]))]


def aws_session(region: str | None, profile: str | None) -> Session:
    """Return a boto3 session.

    Raises:
        ConfigurationError: There is no such profile.
    """
    import boto3.session
    from botocore.exceptions import ProfileNotFound

    try:
        return boto3.session.Session(region_name=region, profile_name=profile)
    except ProfileNotFound as error:
        raise ConfigurationError(str(error)) from error


def key_value(text: str) -> tuple[str, str]:
    """Split ``KEY=VALUE``.

    Raises:
        click.BadParameter: There is no equals sign.
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.BadParameter(f"{text!r} is not of the form KEY=VALUE")
    return key, value


def key_values(texts: Sequence[str]) -> dict[str, str]:
    """Split every ``KEY=VALUE``.

    Raises:
        click.BadParameter: There is no equals sign, or a key comes twice.
    """
    pairs = [key_value(text) for text in texts]
    keys = [key for key, _ in pairs]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise click.BadParameter(f"given more than once: {', '.join(twice)}; which value is meant?")
    return dict(pairs)


@attrs.frozen
class Display:
    """Listeners that tell standard error what happens."""

    on_event: OnEvent
    on_progress: OnProgress
    on_bytes: Callable[[int, int], None]


@contextlib.contextmanager
def display() -> Iterator[Display]:
    """Show steps as lines, waits as one moving line on a terminal, and at an error what became of what was made.

    Signals that ask the command to end are Ctrl-C inside, so that it too ends with what was made removed or named.
    """
    from rich.console import Console

    console = Console(file=telling(), highlight=False, markup=False, emoji=False)
    spinner = console.status("") if console.is_terminal else None
    last: list[str] = []

    def on_event(event: _Shown) -> None:
        console.print(str(event), soft_wrap=True)

    with contextlib.ExitStack() as stack:
        stack.enter_context(interrupted_by_signals())
        if spinner is not None:
            stack.enter_context(spinner)

        def on_progress(progress: object) -> None:
            status = getattr(progress, "status", "")
            words = f"waiting for {getattr(progress, 'waited_for', '')}: {status}"
            if spinner is not None:
                spinner.update(f"{words}, {getattr(progress, 'elapsed_s', 0.0):.0f} s")
            elif last[-1:] != [words]:
                last.append(words)
                console.print(words, soft_wrap=True)

        def on_bytes(sent: int, size: int) -> None:
            if spinner is not None:
                spinner.update(f"sending the archive: {sent:,} of {size:,} bytes")

        try:
            yield Display(on_event, on_progress, on_bytes)
        except (PoliceError, KeyboardInterrupt) as error:
            for note in getattr(error, "__notes__", ()):
                console.print(note, soft_wrap=True)
            raise
