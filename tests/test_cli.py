"""The command line as a whole: its list of commands, what is missing said in a line, errors without tracebacks."""

from __future__ import annotations

import os
import subprocess
import sys
import types

import click
import pytest
from click.testing import CliRunner

from elasticache_police import __version__
from elasticache_police.cli import _COMMANDS, CommandEntry, LazyGroup, main
from elasticache_police.errors import ImageError


def run(*args, group=main):
    return CliRunner().invoke(group, args)


def test_help_lists_every_command_with_its_summary_and_imports_none():
    before = set(sys.modules)
    output = " ".join(run("--help").output.split())
    for name, entry in _COMMANDS.items():
        assert f"{name} {entry.summary}" in output
    assert not {name for name in set(sys.modules) - before if name.startswith("elasticache_police.cli.")}


def test_the_version_is_told():
    assert run("--version").output == f"elasticache-police {__version__}\n"


@pytest.mark.parametrize("name", list(_COMMANDS))
def test_every_command_of_the_table_is_there_and_has_help(name):
    result = run(name, "--help")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Usage: main {name}")


def test_an_unknown_command_is_a_usage_error():
    result = run("polise")
    assert result.exit_code == 2
    assert "No such command 'polise'" in result.stderr


def test_a_missing_extra_is_named_and_not_traced():
    group = LazyGroup(entries={"train": CommandEntry("elasticache_police_missing:train", "Train.", "train")})
    result = run("train", group=group)
    assert result.exit_code == 2
    assert result.stderr == (
        'error: the command train needs optional packages: pip install "elasticache-police[train]"\n'
    )


@pytest.mark.parametrize(("module", "extra"), [("tensorflow.python", "train"), ("pypdfium2", "pdf")])
def test_a_package_that_turns_out_missing_while_a_command_runs_is_named_too(monkeypatch, module, extra):
    @click.command()
    def draw():
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    fake = types.ModuleType("fake_commands")
    fake.draw = draw
    monkeypatch.setitem(sys.modules, "fake_commands", fake)
    result = run("draw", group=LazyGroup(entries={"draw": CommandEntry("fake_commands:draw", "Draw.")}))
    assert result.exit_code == 2
    assert result.stderr.endswith(f'pip install "elasticache-police[{extra}]"\n')


def test_our_own_errors_are_one_line_and_exit_2():
    @click.command()
    def look():
        raise ImageError("x.png", "is empty", "draw something")

    group = LazyGroup()
    group.add_command(look)
    result = run("look", group=group)
    assert result.exit_code == 2
    assert result.stderr == "error: x.png: is empty (draw something)\n"


def test_errors_of_a_missing_part_of_ours_are_not_hidden():
    group = LazyGroup(entries={"x": CommandEntry("elasticache_police_missing:x", "X.")})
    result = run("x", group=group)
    assert result.exit_code == 70
    assert "ModuleNotFoundError: No module named 'elasticache_police_missing'" in result.stderr
    assert "please report it" in result.stderr


def test_a_caller_that_wants_exceptions_gets_them():
    @click.command()
    def look():
        raise ImageError("x.png", "is empty")

    group = LazyGroup()
    group.add_command(look)
    with pytest.raises(ImageError):
        group.main(["look"], standalone_mode=False)


@pytest.mark.parametrize(
    ("arguments", "unread", "code"),
    [
        (["--help"], ["stdout"], 141),
        (["inspect", "--help"], ["stdout"], 141),
        (["iam", "list"], ["stdout", "stderr"], 141),
        (["iam", "list"], ["stderr"], 0),
        (["inspect"], ["stderr"], 2),
        (["polise"], ["stdout", "stderr"], 2),
        (["inspect", "no-such-picture.png"], ["stderr"], 141),
    ],
)
def test_a_reader_that_goes_away_never_makes_it_leave_with_1_which_means_misspellings(arguments, unread, code):
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    for name in unread:
        reader, streams[name] = os.pipe()
        os.close(reader)
    try:
        done = subprocess.run([sys.executable, "-m", "elasticache_police", *arguments], **streams, check=False)
    finally:
        for name in unread:
            os.close(streams[name])
    assert (done.returncode, done.stderr or b"") == (code, b"")


def test_rich_s_own_way_out_of_an_unread_pipe_is_not_1_either():
    def write():
        raise BrokenPipeError

    @click.command()
    def look():
        try:
            write()
        except BrokenPipeError:
            sys.exit(1)

    group = LazyGroup()
    group.add_command(look)
    assert run("look", group=group).exit_code == 141


def test_ctrl_c_is_told_on_a_line_of_its_own_even_where_nobody_reads():
    @click.command()
    def look():
        raise KeyboardInterrupt

    group = LazyGroup()
    group.add_command(look)
    assert (run("look", group=group).exit_code, run("look", group=group).stderr) == (130, "\ninterrupted\n")

    class Gone:
        def write(self, *_):
            raise OSError(5, "Input/output error")

        fileno = write

        def flush(self):
            pass

    @click.command()
    def look_from_a_closed_terminal():
        sys.stderr = Gone()  # the runner puts its own back
        raise KeyboardInterrupt

    group.add_command(look_from_a_closed_terminal)
    assert run("look-from-a-closed-terminal", group=group).exit_code == 130
