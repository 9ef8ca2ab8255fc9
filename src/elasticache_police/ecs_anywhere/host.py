"""Everything a host needs to join a cluster and to be cleaned up after it left, as text.

Nothing here talks to AWS. The installer and its options are AWS's own:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-anywhere-registration.html
"""

from __future__ import annotations

import importlib.resources
import json
import re
import shlex
from collections.abc import Mapping
from typing import Literal

import attrs

from elasticache_police.ecs_anywhere.activation import Activation
from elasticache_police.ecs_anywhere.host_files import AGENT_CONFIG, proxy_units, writing
from elasticache_police.ecs_anywhere.host_windows import CLEANUP, windows_check, windows_command, windows_script
from elasticache_police.errors import ConfigurationError

__all__ = ["HostOptions", "check_script", "cleanup_command", "cloud_init", "install_command", "install_script"]

INSTALLER = "https://amazon-ecs-agent.s3.amazonaws.com/ecs-anywhere-install-latest.sh"
_DOWNLOADED = "/tmp/ecs-anywhere-install.sh"  # noqa: S108  where AWS's own instructions put it
SIGNING_KEY = "F34C3DDAE72926B079BEAEC6BCE9D9A42D51784F"
"""Fingerprint of "Amazon ECS <ecs-security@amazon.com>", which signs the Linux installer."""
SIGNING_KEY_URL = "https://raw.githubusercontent.com/aws/amazon-ecs-agent/master/scripts/amazon-ecs-agent.gpg"
"""Where the installer itself takes that key from; key servers were too often away (amazon-ecs-init#418)."""
LOCAL_ADDRESSES = {
    "linux": ("169.254.169.254", "169.254.170.2", "/var/run/docker.sock"),
    "windows": ("169.254.169.254", "169.254.170.2", r"\\.\pipe\docker_engine"),
}
"""What the agents reach without the proxy, by operating system.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/http_proxy_config.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/http_proxy_config-windows.html
"""

_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_CLEANUP = """\
sudo systemctl stop ecs amazon-ssm-agent
for manager in dnf yum apt-get zypper; do
  if command -v "$manager" >/dev/null; then
    sudo "$manager" remove -y amazon-ecs-init amazon-ssm-agent; break
  fi
done
sudo rm -rf /var/lib/ecs /etc/ecs /var/lib/amazon/ssm /var/log/ecs /var/log/amazon/ssm
sudo rm -f /etc/systemd/system/ecs.service.d/http-proxy.conf
sudo rm -f /etc/systemd/system/amazon-ssm-agent.service.d/http-proxy.conf
sudo systemctl daemon-reload"""

DockerSource = Literal["all", "docker", "distro", "none"]


@attrs.frozen(kw_only=True)
class HostOptions:
    """How a host is to be set up."""

    operating_system: Literal["linux", "windows"] = attrs.field(
        default="linux", validator=attrs.validators.in_(("linux", "windows"))
    )
    gpu: bool = False
    """Let tasks ask for NVIDIA GPUs; the host's driver must work already (``nvidia-smi``)."""
    docker_source: DockerSource = attrs.field(
        default="all", validator=attrs.validators.in_(("all", "docker", "distro", "none"))
    )
    """Where the installer takes Docker from; ``none`` when it is installed already (always so on RHEL)."""
    ecs_version: str | None = None
    """A version of the ECS agent's package; None for the latest."""
    ecs_endpoint: str | None = None
    """Another ECS endpoint, such as one of PrivateLink's."""
    proxy: str | None = None
    """An HTTP proxy, such as ``http://10.0.0.1:3128``, for the installer, Docker and both agents."""
    no_proxy: tuple[str, ...] = ()
    """Addresses that bypass the proxy, besides the agents' own local ones."""
    certs_file: str | None = None
    """A file with the certificates that ECS Exec trusts, on the host."""
    ip_compatibility: Literal["ipv4", "ipv6"] | None = None
    attributes: Mapping[str, str] = attrs.field(factory=dict)
    """Custom attributes of the instance, for placement constraints."""
    agent_config: Mapping[str, str] = attrs.field(factory=dict)
    """Further lines of ``/etc/ecs/ecs.config``; they must be there before the host registers."""
    skip_registration: bool = False
    """The SSM agent is registered already."""
    no_start: bool = False
    """Install, and start nothing."""

    def __attrs_post_init__(self) -> None:
        if self.proxy is not None and not self.proxy.startswith(("http://", "https://")):
            raise ConfigurationError(f"a proxy is written as http://HOST:PORT, not {self.proxy!r}")
        for key, value in {**self.attributes, **self.agent_config}.items():
            if not key or "\n" in key + value or "=" in key or (key in self.agent_config and not _NAME.fullmatch(key)):
                raise ConfigurationError(f"an agent setting is one line NAME=VALUE, not {key!r}={value!r}")
        if self.operating_system == "windows":
            refused = {
                "gpu": (self.gpu, "ECS Anywhere has no GPU support on Windows"),
                "docker_source": (self.docker_source != "all", "the Windows installer has one source of Docker"),
                "certs_file": (self.certs_file is not None, "the Windows installer has no such option"),
                "ip_compatibility": (self.ip_compatibility is not None, "the Windows installer has no such option"),
                "no_start": (self.no_start, "the Windows installer has no such option"),
            }
            for name, (given, why) in refused.items():
                if given:
                    raise ConfigurationError(f"{name} cannot be used on Windows: {why}")

    @property
    def bypass(self) -> str:
        """The value of NO_PROXY."""
        return ",".join((*LOCAL_ADDRESSES[self.operating_system], *self.no_proxy))

    def ecs_config(self) -> dict[str, str]:
        """Return what ``/etc/ecs/ecs.config`` must hold before the agent starts."""
        lines = dict(self.agent_config)
        if self.attributes:
            lines["ECS_INSTANCE_ATTRIBUTES"] = json.dumps(dict(sorted(self.attributes.items())), separators=(",", ":"))
        if self.proxy is not None:
            lines["HTTP_PROXY"] = self.proxy.removeprefix("http://")
            lines["NO_PROXY"] = self.bypass
        return lines

    def files(self) -> dict[str, str]:
        """Return the files that must exist on a Linux host before the installer runs: path to content.

        The agent's configuration keeps what it holds besides.
        """
        files: dict[str, str] = {}
        config = self.ecs_config()
        if config:
            files[AGENT_CONFIG] = "".join(f"{key}={value}\n" for key, value in config.items())
        if self.proxy is not None:
            of_ssm = ",".join(("169.254.169.254", *self.no_proxy))
            files |= proxy_units(self.proxy, bypass=self.bypass, bypass_of_ssm=of_ssm)
        return files


def _linux_arguments(activation: Activation, options: HostOptions) -> list[str]:
    arguments = ["--region", activation.region, "--cluster", activation.cluster]
    if options.skip_registration:
        arguments.append("--skip-registration")
    else:
        arguments += ["--activation-id", activation.activation_id, "--activation-code", str(activation.code)]
    if options.gpu:
        arguments.append("--enable-gpu")
    if options.docker_source != "all":
        arguments += ["--docker-install-source", options.docker_source]
    for flag, value in (
        ("--ecs-version", options.ecs_version),
        ("--ecs-endpoint", options.ecs_endpoint),
        ("--certs-file", options.certs_file),
        ("--ip-compatibility", options.ip_compatibility),
    ):
        if value is not None:
            arguments += [flag, value]
    if options.no_start:
        arguments.append("--no-start")
    return arguments


def _proxy_environment(options: HostOptions) -> list[str]:
    if options.proxy is None:
        return []
    return [f"https_proxy={options.proxy}", f"http_proxy={options.proxy}", f"no_proxy={options.bypass}"]


def install_command(activation: Activation, options: HostOptions | None = None) -> str:
    """Return the commands that register a host, ready to paste into its shell.

    The text holds the activation code, because the installer needs it: show it to who runs it, log it nowhere.
    """
    options = options or HostOptions()
    if options.operating_system == "windows":
        return windows_command(activation, options)
    proxy = _proxy_environment(options)
    through = ["env", *proxy] if proxy else []
    curl = [*through, "curl", "--proto", "=https", "-fsSo", _DOWNLOADED]
    run = ["sudo", *through, "bash", _DOWNLOADED]
    lines = writing(options.files(), sudo=True)
    lines.append(shlex.join([*curl, INSTALLER]))
    lines.append(shlex.join([*run, *_linux_arguments(activation, options)]))
    return " && \\\n".join(lines)


def check_script(region: str, options: HostOptions | None = None) -> str:
    """Return a script that says whether a host is ready to be registered; it changes nothing and holds no secret.

    For Linux it is bash, for Windows PowerShell.
    """
    options = options or HostOptions()
    if options.operating_system == "windows":
        return windows_check(region, options)
    body = importlib.resources.files(__package__).joinpath("check-host.sh").read_text(encoding="utf-8")
    settings = {
        "REGION": region,
        "ENABLE_GPU": "yes" if options.gpu else "no",
        "DOCKER_SOURCE": options.docker_source,
        "CERTS_FILE": options.certs_file or "",
        "PARTITION_DNS": "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com",
    }
    first, rest = body.split("\n", 1)
    lines = [f"{key}={shlex.quote(value)}" for key, value in settings.items()]
    lines += [f"export {shlex.quote(line)}" for line in _proxy_environment(options)]
    return "\n".join([first, *lines, rest])


def install_script(activation: Activation, options: HostOptions | None = None, *, verify_signature: bool = True) -> str:
    """Return one script for a host: check, configure, verify the installer, register.

    For Linux it is bash, for Windows PowerShell. It holds the activation code: mode 0600, and delete it afterwards.

    Args:
        activation: What to register with.
        options: How to set the host up.
        verify_signature: Check the installer against Amazon's PGP key; needs ``gpg``. On Windows its own signature is
            checked always.
    """
    options = options or HostOptions()
    if options.operating_system == "windows":
        return windows_script(activation, options)
    check = check_script(activation.region, options)
    lines = [
        "#!/bin/bash",
        "# Registers this host with Amazon ECS Anywhere. Holds a secret: keep it at mode 0600, delete it afterwards.",
        "set -euo pipefail",
        "umask 077",
        'work="$(mktemp -d)"',
        "trap 'rm -rf \"$work\"' EXIT",
        "cat >\"$work/check-host.sh\" <<'END_OF_CHECK'",
        check.rstrip("\n"),
        "END_OF_CHECK",
        'bash "$work/check-host.sh"',
        "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE",
    ]
    lines += [f"export {shlex.quote(line)}" for line in _proxy_environment(options)]
    lines += writing(options.files(), sudo=False)
    lines.append(f'curl --proto =https -fsSo "$work/install.sh" {INSTALLER}')
    if verify_signature:
        lines += [
            "if ! command -v gpg >/dev/null; then",
            "    echo 'gpg is missing, which checks the signature of the installer: install gnupg' >&2; exit 1",
            "fi",
            f'curl --proto =https -fsSo "$work/install.sh.asc" {INSTALLER}.asc',
            f'curl --proto =https -fsSo "$work/key.gpg" {SIGNING_KEY_URL}',
            'export GNUPGHOME="$work"',
            'gpg --batch --quiet --import "$work/key.gpg"',
            # Any key may be in that file; what counts is whose signature it is: the last word of VALIDSIG.
            'signed="$(gpg --batch --status-fd 1 --verify "$work/install.sh.asc" "$work/install.sh" || true)"',
            "if ! grep -q '^\\[GNUPG:\\] GOODSIG ' <<<\"$signed\" ||",
            f"    ! grep -q '^\\[GNUPG:\\] VALIDSIG .* {SIGNING_KEY}$' <<<\"$signed\"; then",
            "    echo 'the installer is not signed by Amazon ECS: nothing was run' >&2; exit 1",
            "fi",
            "unset GNUPGHOME",
        ]
    lines.append('bash "$work/install.sh" ' + shlex.join(_linux_arguments(activation, options)))
    return "\n".join(lines) + "\n"


def cloud_init(activation: Activation, options: HostOptions | None = None, *, verify_signature: bool = True) -> str:
    """Return user data that registers a host at its first boot.

    For Linux a ``#cloud-config`` document, for Windows a PowerShell script as cloudbase-init runs it. It holds the
    activation code, and user data is readable on the host: give the activation a limit and a short life.
    """
    options = options or HostOptions()
    if options.operating_system == "windows":
        return "#ps1_sysnative\n" + windows_command(activation, options) + "\n"
    path = "/run/ecs-anywhere/register.sh"
    document = {
        "write_files": [
            {
                "path": path,
                "owner": "root:root",
                "permissions": "0600",
                "content": install_script(activation, options, verify_signature=verify_signature),
            }
        ],
        "runcmd": [["sh", "-c", f"bash {path}; code=$?; rm -f {path}; exit $code"]],
    }
    return "#cloud-config\n" + json.dumps(document, indent=2) + "\n"


def cleanup_command(operating_system: Literal["linux", "windows"] = "linux") -> str:
    """Return the commands that remove both agents from a host that was deregistered in ECS and in SSM.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-anywhere-deregistration.html
    """
    if operating_system == "windows":
        return CLEANUP
    return _CLEANUP
