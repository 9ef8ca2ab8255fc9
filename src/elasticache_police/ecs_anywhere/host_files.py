"""The files that a Linux host needs before the installer runs, and the shell commands that write them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

__all__ = ["AGENT_CONFIG", "proxy_units", "writing"]

AGENT_CONFIG = "/etc/ecs/ecs.config"
_UNITS = "/etc/systemd/system/"


def proxy_units(proxy: str, *, bypass: str, bypass_of_ssm: str) -> dict[str, str]:
    """Return the drop-ins of systemd that give Docker and both agents a proxy: path to content."""
    plain = {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "NO_PROXY": bypass}
    lower = {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": bypass_of_ssm}
    services = {"docker": plain, "ecs": plain, "amazon-ssm-agent": lower}
    return {f"{_UNITS}{service}.service.d/http-proxy.conf": _unit(names) for service, names in services.items()}


def _unit(environment: Mapping[str, str]) -> str:
    """Return a drop-in; in a unit ``%`` begins a specifier, so that of an escaped password is doubled."""
    words = " ".join(f'"{name}={value}"' for name, value in environment.items()).replace("%", "%%")
    return f"[Service]\nEnvironment={words}\n"


def writing(files: Mapping[str, str], *, sudo: bool) -> list[str]:
    """Return the commands that write files, and that make a systemd and a Docker that run already take note of units.

    What the agent's configuration holds besides stays there.
    """
    root = "sudo " if sudo else ""
    lines = []
    for path, content in files.items():
        lines.append(f"{root}mkdir -p {shlex.quote(path.rpartition('/')[0])}")
        lines += _merge(path, content, root) if path == AGENT_CONFIG else [_pour(path, content, root)]
    if any(path.startswith(_UNITS) for path in files):
        lines.append(f"{root}systemctl daemon-reload")
        lines.append(f"{{ ! systemctl is-active --quiet docker || {root}systemctl restart docker; }}")
    return lines


def _pour(path: str, content: str, root: str) -> str:
    return f"printf %s {shlex.quote(content)} | {root}tee {shlex.quote(path)} >/dev/null"


def _merge(path: str, content: str, root: str) -> list[str]:
    """Return the commands that set the settings of a file of lines ``NAME=VALUE`` and keep the others."""
    names = " ".join(f"-e {shlex.quote('^' + line.partition('=')[0] + '=')}" for line in content.splitlines())
    both = f'[ -z "$kept" ] || printf \'%s\\n\' "$kept"; printf %s {shlex.quote(content)}'
    return [f'kept="$({root}grep -sv {names} {path} || true)"', f"{{ {both}; }} | {root}tee {path} >/dev/null"]
