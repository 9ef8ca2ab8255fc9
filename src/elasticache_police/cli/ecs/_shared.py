"""What the ecs commands share: options, whose cluster, how plans and waits are shown."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Self, TypeVar

import click

from elasticache_police._waiting import check_limit
from elasticache_police.cli._aws_options import account_words, aws_session
from elasticache_police.cli._signals import interrupted_by_signals
from elasticache_police.cli._streams import telling
from elasticache_police.errors import PoliceError

if TYPE_CHECKING:
    from elasticache_police._aws import Request
    from elasticache_police._waiting import Progress
    from elasticache_police.ecs_anywhere import Cluster, HostOptions, LogLine
    from elasticache_police.ecs_anywhere.definitions import Definition

__all__ = [
    "SECONDS",
    "Status",
    "cluster_of",
    "dry_run_option",
    "host_of",
    "host_options",
    "log_group_for",
    "looked_up",
    "print_log",
    "says_how_to_follow",
    "show_plan",
    "task_options",
]


class _Seconds(click.ParamType):  # type: ignore[type-arg]  # generic only in later versions of click
    """A time limit: refused before something is started that would go on without it."""

    name = "float"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = float(str(value))
            check_limit(seconds)
        except ValueError:
            self.fail(f"{value!r} is not a finite number of seconds, 0 or more.", param, ctx)
        return seconds


SECONDS = _Seconds()

_F = TypeVar("_F", bound=Callable[..., object])


def _options(*options: Callable[[_F], _F]) -> Callable[[_F], _F]:
    def decorate(function: _F) -> _F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


dry_run_option: Callable[[_F], _F] = click.option(
    "--dry-run", is_flag=True, help="Print every call it would make, and change nothing."
)
host_options: Callable[[_F], _F] = _options(
    click.option("--windows", is_flag=True, help="The host runs Windows Server."),
    click.option("--gpu", is_flag=True, help="Let tasks ask for the host's NVIDIA GPUs."),
    click.option(
        "--docker-source",
        type=click.Choice(["all", "docker", "distro", "none"]),
        default="all",
        show_default=True,
        help="Where the installer takes Docker from; none if it is there (always on RHEL).",
    ),
    click.option("--proxy", metavar="URL", help="HTTP proxy for the installer, Docker and both agents."),
    click.option("--no-proxy", multiple=True, metavar="ADDRESS", help="Bypasses the proxy; may be repeated."),
    click.option("--certs-file", metavar="PATH", help="Certificates on the host that ECS Exec trusts."),
    click.option("--ecs-version", help="Version of the ECS agent.  [default: the latest]"),
)
task_options: Callable[[_F], _F] = _options(
    click.option("--task-role", metavar="ARN", help="IAM role of the code in the container."),
    click.option("--execution-role", metavar="ARN", help="IAM role with which the agent pulls images and logs."),
    click.option(
        "--launch-type",
        type=click.Choice(["EXTERNAL", "FARGATE", "EC2"]),
        default="EXTERNAL",
        show_default=True,
        help="Your own machines, AWS's capacity, or EC2 instances.",
    ),
    click.option("--subnet", "subnets", multiple=True, help="For FARGATE; may be repeated."),
    click.option("--security-group", "security_groups", multiple=True, help="For FARGATE; may be repeated."),
    click.option("--public-ip", is_flag=True, help="For FARGATE in subnets without another way to the internet."),
    click.option("--cpu", "cpu_units", type=int, default=2048, show_default=True, help="CPU units, 1024 to a core."),
    click.option("--memory", "memory_mib", type=int, default=4096, show_default=True, help="Memory limit in MiB."),
)


def cluster_of(name: str, region: str | None, profile: str | None) -> Cluster:
    """Return the cluster that a command line names.

    Raises:
        ConfigurationError: There is no such profile.
    """
    from elasticache_police.ecs_anywhere import Cluster

    return Cluster(name, session=aws_session(region, profile))


def host_of(**given: object) -> HostOptions:
    """Return what :data:`host_options` say.

    Raises:
        ConfigurationError: They do not go together.
    """
    from elasticache_police.ecs_anywhere import HostOptions

    windows = given.pop("windows")
    return HostOptions(operating_system="windows" if windows else "linux", **given)  # type: ignore[arg-type]


def log_group_for(execution_role: str | None) -> str | None:
    """Return where a task's log goes: the agent writes it to CloudWatch with the execution role, or not at all."""
    from elasticache_police.ecs_anywhere.training import LOG_GROUP

    return LOG_GROUP if execution_role else None


def looked_up(cluster: Cluster, task: str, *, launch_type: str | None = None) -> Definition | str:
    """Return a registered task for a plan; only its name, and a word on standard error, where ECS does not tell.

    Args:
        cluster: Where.
        task: The name of its family, or an ARN.
        launch_type: Where it is to run, if not where it says itself.
    """
    from elasticache_police.ecs_anywhere.definitions import look_up

    try:
        return look_up(cluster, task)
    except PoliceError as error:
        where = f"that runs on {launch_type}" if launch_type else "on machines of your own"
        click.echo(f"the plan takes {task} for a task {where}: {error}", err=True)
        return task


def show_plan(plan: Iterable[Request]) -> None:
    """Print every request of a plan, numbered, with its parameters."""
    for number, one in enumerate(plan, 1):
        click.echo(f"{number}. {one.service}:{one.operation}")
        click.echo(json.dumps(one.parameters, indent=2, default=str, ensure_ascii=False))


class Status:
    """Shows on standard error how a wait goes: every change, or on a terminal one line that changes.

    When an error ends the wait it also shows the error's notes: what became of the tasks, and how to go on. Signals
    that ask the command to end are Ctrl-C meanwhile.
    """

    def __init__(self) -> None:
        self._last = ""
        self._terminal = sys.stderr.isatty()
        self._signals = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._signals.enter_context(interrupted_by_signals())
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        with self._signals:
            if self._terminal and self._last:
                click.echo(file=telling())
            for note in getattr(error, "__notes__", ()):
                click.echo(note, file=telling())

    def __call__(self, now: Progress) -> None:
        if now.status == self._last and not self._terminal:
            return
        self._last = now.status
        text = f"[{now.elapsed_s:5.0f} s] {now.waited_for}: {now.status}"
        click.echo(f"\r\x1b[K{text[:200]}" if self._terminal else text, file=telling(), nl=not self._terminal)


@contextlib.contextmanager
def says_how_to_follow(cluster: Cluster) -> Iterator[None]:
    """Note on the error that ends the block the command that watches the tasks which go on."""
    from elasticache_police.ecs_anywhere.waiting import tasks_left

    try:
        yield
    except (KeyboardInterrupt, PoliceError) as error:
        if left := tasks_left(error):
            words = shlex.join([cluster.name, *left, *account_words()])
            error.add_note(f"watch them again with: elasticache-police ecs follow {words}")
        raise


def print_log(line: LogLine) -> None:
    """Print a line of a task's log; a word of our own about it goes to standard error."""
    if line.notice:
        click.echo(line.message, file=telling())
        return
    click.echo(f"{line.timestamp:%H:%M:%S} {line.task_id[:8]} {line.message}")
