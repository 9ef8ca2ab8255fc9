"""Write docs/reference/cli.md from the commands themselves. A test notices when it is stale.

Run it after changing a command: ``python docs/make_cli_help.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from elasticache_police.cli import main

PAGE = Path(__file__).parent / "reference" / "cli.md"
_HEAD = """# The command line

<!-- Written by docs/make_cli_help.py. -->
"""


def render() -> str:
    """Return the page."""
    return _HEAD + "\n".join(_sections(main, "elasticache-police", None))


def _sections(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    settings = command.context_settings | {"max_content_width": 96, "terminal_width": 96}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    title = context.command_path
    help_text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    if parent is not None:
        yield f"\n## {title}\n"
    yield f"```text\n{help_text}\n```"
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None and not found.hidden:
                yield from _sections(found, child, context)


if __name__ == "__main__":
    PAGE.write_text(render() + "\n", encoding="utf-8")
