"""The same for Windows Server: PowerShell instead of bash.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-anywhere-registration.html
"""

from __future__ import annotations

import importlib.resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elasticache_police.ecs_anywhere.activation import Activation
    from elasticache_police.ecs_anywhere.host import HostOptions

__all__ = ["CLEANUP", "windows_check", "windows_command", "windows_script"]

INSTALLER = "https://amazon-ecs-agent.s3.amazonaws.com/ecs-anywhere-install.ps1"
CLEANUP = "Stop-Service AmazonECS\nStop-Service AmazonSSMAgent\n.\\ecs-anywhere-install.ps1 -Uninstall"


def _powershell(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def windows_command(activation: Activation, options: HostOptions) -> str:
    """Return the PowerShell commands that register a Windows host.

    They are one block: of lines that are pasted one by one, an error would end its own line only, and the installer
    whose signature is wrong would still run.
    """
    lines = [
        "$ErrorActionPreference = 'Stop'",
        "[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12",
    ]
    settings = options.ecs_config()
    if options.proxy is not None:
        lines.append(f"netsh winhttp set proxy {_powershell(options.proxy.removeprefix('http://'))}")
    lines += [
        f"[Environment]::SetEnvironmentVariable({_powershell(key)}, {_powershell(value)}, 'Machine')"
        for key, value in settings.items()
    ]
    download = f"Invoke-RestMethod -Uri '{INSTALLER}' -OutFile ecs-anywhere-install.ps1"
    if options.proxy is not None:
        download += f" -Proxy {_powershell(options.proxy)}"
    lines.append(download)
    lines.append(
        "if ((Get-AuthenticodeSignature .\\ecs-anywhere-install.ps1).Status -ne 'Valid') "
        "{ throw 'the installer is not signed by Amazon' }"
    )
    run = (
        f".\\ecs-anywhere-install.ps1 -Region {_powershell(activation.region)}"
        f" -Cluster {_powershell(activation.cluster)}"
    )
    if options.skip_registration:
        run += " -SkipRegistration"
    else:
        run += (
            f" -ActivationID {_powershell(activation.activation_id)}"
            f" -ActivationCode {_powershell(str(activation.code))}"
        )
    if options.ecs_version is not None:
        run += f" -ECSVersion {_powershell(options.ecs_version)}"
    if options.ecs_endpoint is not None:
        run += f" -ECSEndpoint {_powershell(options.ecs_endpoint)}"
    lines.append("$ErrorActionPreference = 'Continue'")  # as the installer finds it when AWS's own line is pasted
    return "\n".join(["& {", *(f"    {line}" for line in (*lines, run)), "}"])


def windows_check(region: str, options: HostOptions) -> str:
    """Return a PowerShell script that says whether a Windows host is ready; it changes nothing and holds no secret."""
    body = importlib.resources.files(__package__).joinpath("check-host.ps1").read_text(encoding="utf-8")
    through = "" if options.proxy is None else f" Proxy = {_powershell(options.proxy)} "
    lines = [
        "#Requires -Version 5.1",
        "$ErrorActionPreference = 'Stop'",
        "[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12",
        f"$Region = {_powershell(region)}",
        f"$Proxy = @{{{through}}}",
    ]
    return "\n".join([*lines, body])


def windows_script(activation: Activation, options: HostOptions) -> str:
    """Return one PowerShell script: check, then register. It holds the activation code."""
    check = windows_check(activation.region, options).rstrip("\n")
    return f"{check}\n\n{windows_command(activation, options)}\n"
