"""What is pasted into a host: the install command, cloud-init, the check and the clean-up. bash itself reads them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from elasticache_police import ecs_anywhere
from elasticache_police.ecs_anywhere import Activation, HostOptions
from elasticache_police.errors import ConfigurationError

ACTIVATION = Activation(
    activation_id="11111111-2222-3333-4444-555555555555",
    code="dRmgnYaFv567vEXAMPLE",
    region="eu-west-1",
    cluster="police",
)
INSTALLER = "https://amazon-ecs-agent.s3.amazonaws.com/ecs-anywhere-install-latest.sh"


def _arguments(command: str) -> list[str]:
    """Split the last command, the installer's, as a shell would."""
    return shlex.split(command.rsplit("&& \\\n", 1)[-1])


def _bash_accepts(script: str) -> None:
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)  # noqa: S607


def test_the_command_is_the_one_that_aws_documents():
    assert ecs_anywhere.install_command(ACTIVATION) == (
        "curl --proto =https -fsSo /tmp/ecs-anywhere-install.sh "
        f"{INSTALLER} && \\\n"
        "sudo bash /tmp/ecs-anywhere-install.sh --region eu-west-1 --cluster police "
        "--activation-id 11111111-2222-3333-4444-555555555555 --activation-code dRmgnYaFv567vEXAMPLE"
    )


def test_every_option_reaches_the_installer():
    options = HostOptions(
        gpu=True,
        docker_source="none",
        ecs_version="1.89.0",
        ecs_endpoint="https://vpce-1.ecs.eu-west-1.vpce.amazonaws.com",
        certs_file="/etc/ssl/my certs.pem",
        ip_compatibility="ipv6",
        no_start=True,
    )
    words = _arguments(ecs_anywhere.install_command(ACTIVATION, options))
    assert words[words.index("--enable-gpu") :] == [
        "--enable-gpu",
        "--docker-install-source",
        "none",
        "--ecs-version",
        "1.89.0",
        "--ecs-endpoint",
        "https://vpce-1.ecs.eu-west-1.vpce.amazonaws.com",
        "--certs-file",
        "/etc/ssl/my certs.pem",
        "--ip-compatibility",
        "ipv6",
        "--no-start",
    ]


def test_skipping_the_registration_needs_no_secret():
    command = ecs_anywhere.install_command(ACTIVATION, HostOptions(skip_registration=True))
    assert "--skip-registration" in command
    assert ACTIVATION.code not in command


def test_names_with_shell_characters_stay_one_word():
    odd = Activation(activation_id="a", code="c$(reboot)", region="eu-west-1", cluster="a; rm -rf /")
    words = _arguments(ecs_anywhere.install_command(odd))
    assert words[words.index("--cluster") + 1] == "a; rm -rf /"
    assert words[words.index("--activation-code") + 1] == "c$(reboot)"


def test_a_proxy_is_set_for_the_installer_docker_and_both_agents_before_they_start():
    options = HostOptions(proxy="http://10.0.0.1:3128", no_proxy=("registry.local",))
    files = options.files()
    assert files["/etc/ecs/ecs.config"] == (
        "HTTP_PROXY=10.0.0.1:3128\nNO_PROXY=169.254.169.254,169.254.170.2,/var/run/docker.sock,registry.local\n"
    )
    assert sorted(files)[1:] == [
        "/etc/systemd/system/amazon-ssm-agent.service.d/http-proxy.conf",
        "/etc/systemd/system/docker.service.d/http-proxy.conf",
        "/etc/systemd/system/ecs.service.d/http-proxy.conf",
    ]
    command = ecs_anywhere.install_command(ACTIVATION, options)
    _bash_accepts(command)
    assert command.index("/etc/ecs/ecs.config") < command.index(INSTALLER)
    assert "sudo env https_proxy=http://10.0.0.1:3128" in command


def test_a_password_with_percent_signs_reaches_what_systemd_starts():
    """In a unit file a percent sign begins a specifier; in the agent's own file it is one."""
    files = HostOptions(proxy="http://u:p%40ss@10.0.0.1:3128").files()
    assert files["/etc/ecs/ecs.config"].startswith("HTTP_PROXY=u:p%40ss@10.0.0.1:3128\n")
    units = [content for path, content in files.items() if path.endswith(".conf")]
    assert [unit.lower().count("http_proxy=http://u:p%%40ss@10.0.0.1:3128") for unit in units] == [1, 1, 1]


def test_what_bypasses_the_proxy_bypasses_it_for_the_ssm_agent_too():
    files = HostOptions(proxy="http://10.0.0.1:3128", no_proxy=("vpce-1.example",)).files()
    unit = files["/etc/systemd/system/amazon-ssm-agent.service.d/http-proxy.conf"]
    assert '"no_proxy=169.254.169.254,vpce-1.example"' in unit


def test_what_the_agents_file_holds_besides_stays_and_what_runs_learns_of_the_proxy(host):
    """The pasted commands run for real, with their files in a directory of the test's."""
    host.write("etc/ecs/ecs.config", "ECS_LOGLEVEL=debug\nNO_PROXY=old")
    host.program("sudo", '[ "$1" = env ] || [ "$1" = bash ] || exec "$@"')
    host.program("systemctl", f'echo "$*" >>"{host.root}/asked"')
    options = HostOptions(proxy="http://10.0.0.1:3128", agent_config={"ECS_DATADIR": "/data"})
    command = ecs_anywhere.install_command(ACTIVATION, options).replace("/etc/", f"{host.root}/etc/")
    path = f"{host.bin}:{os.environ['PATH']}"
    subprocess.run(["bash", "-c", command], env={"PATH": path}, check=True)  # noqa: S607
    assert (host.root / "etc/ecs/ecs.config").read_text().splitlines() == [
        "ECS_LOGLEVEL=debug",
        "ECS_DATADIR=/data",
        "HTTP_PROXY=10.0.0.1:3128",
        "NO_PROXY=169.254.169.254,169.254.170.2,/var/run/docker.sock",
    ]
    assert (host.root / "asked").read_text().splitlines() == [
        "daemon-reload",
        "is-active --quiet docker",
        "restart docker",
    ]


def test_attributes_and_agent_settings_are_written_before_registering():
    options = HostOptions(attributes={"rack": "b 2"}, agent_config={"ECS_LOGLEVEL": "debug"})
    assert options.ecs_config() == {"ECS_LOGLEVEL": "debug", "ECS_INSTANCE_ATTRIBUTES": '{"rack":"b 2"}'}
    _bash_accepts(ecs_anywhere.install_command(ACTIVATION, options))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"proxy": "10.0.0.1:3128"}, "http://HOST:PORT"),
        ({"agent_config": {"A": "b\nECS_CLUSTER=evil"}}, "one line"),
        ({"agent_config": {"A.*": "b"}}, "one line"),
        ({"operating_system": "windows", "gpu": True}, "no GPU support on Windows"),
        ({"operating_system": "windows", "docker_source": "distro"}, "Windows"),
    ],
)
def test_options_that_cannot_work_are_refused(wrong, reason):
    with pytest.raises(ConfigurationError, match=reason):
        HostOptions(**wrong)


def test_windows_has_its_own_command():
    command = ecs_anywhere.install_command(ACTIVATION, HostOptions(operating_system="windows", ecs_version="1.89.0"))
    lines = command.splitlines()
    assert (lines[:2], lines[-1]) == (
        ["& {", "    $ErrorActionPreference = 'Stop'"],
        "}",
    )  # pasted, it is one statement
    assert lines[-2] == (
        "    .\\ecs-anywhere-install.ps1 -Region 'eu-west-1' -Cluster 'police' "
        "-ActivationID '11111111-2222-3333-4444-555555555555' -ActivationCode 'dRmgnYaFv567vEXAMPLE' "
        "-ECSVersion '1.89.0'"
    )
    assert "Get-AuthenticodeSignature" in command
    assert ecs_anywhere.cloud_init(ACTIVATION, HostOptions(operating_system="windows")).startswith("#ps1")


def test_on_windows_docker_s_pipe_bypasses_the_proxy():
    options = HostOptions(operating_system="windows", proxy="http://10.0.0.1:3128", no_proxy=("registry.local",))
    bypass = r"169.254.169.254,169.254.170.2,\\.\pipe\docker_engine,registry.local"
    command = ecs_anywhere.install_command(ACTIVATION, options)
    assert f"[Environment]::SetEnvironmentVariable('NO_PROXY', '{bypass}', 'Machine')" in command


def test_windows_has_a_script_that_checks_first_and_a_check_without_the_secret():
    options = HostOptions(operating_system="windows", proxy="http://10.0.0.1:3128")
    check = ecs_anywhere.check_script("eu-west-1", options)
    assert "$Region = 'eu-west-1'" in check
    assert "$Proxy = @{ Proxy = 'http://10.0.0.1:3128' }" in check
    assert "ActivationCode" not in check
    script = ecs_anywhere.install_script(ACTIVATION, options)
    places = [script.index(part) for part in ("WindowsPrincipal", "This host is ready", "AuthenticodeSignature")]
    assert places == sorted(places)
    assert script.rstrip().endswith("-ActivationCode 'dRmgnYaFv567vEXAMPLE'\n}")


def test_cloud_init_writes_the_script_for_root_only_and_deletes_it():
    text = ecs_anywhere.cloud_init(ACTIVATION, HostOptions(gpu=True))
    first, body = text.split("\n", 1)
    assert first == "#cloud-config"
    yaml = pytest.importorskip("yaml")
    document = yaml.safe_load(body)
    (file,) = document["write_files"]
    assert file["permissions"] == "0600"
    assert f"rm -f {file['path']}" in document["runcmd"][0][-1]
    assert "--enable-gpu" in file["content"]
    _bash_accepts(file["content"])
    assert document == json.loads(body)


def test_the_script_checks_verifies_and_registers_in_this_order():
    script = ecs_anywhere.install_script(ACTIVATION)
    _bash_accepts(script)
    places = [script.index(part) for part in ('check-host.sh"\n', "--import", "--verify", "--activation-code")]
    assert places == sorted(places)
    assert "F34C3DDAE72926B079BEAEC6BCE9D9A42D51784F" in script


def test_cleaning_up_removes_what_the_installer_left():
    command = ecs_anywhere.cleanup_command()
    _bash_accepts(command)
    for path in ("/var/lib/ecs", "/etc/ecs", "/var/lib/amazon/ssm", "/var/log/ecs", "/var/log/amazon/ssm"):
        assert path in command
    assert "-Uninstall" in ecs_anywhere.cleanup_command("windows")


class Host:
    """A directory that looks like a host, and programs that answer as the test wants."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        self.environment: dict[str, str] = {}
        self.write("run/systemd/system/x", "")
        self.write("etc/os-release", "ID=debian\nVERSION_ID=12\n")
        self.write("sys/fs/cgroup/cgroup.controllers", "cpu io memory pids\n")
        self.program("id", "echo 0")
        self.program("uname", "echo x86_64")
        self.program("apt", "true")
        self.program("docker", "true")
        self.program("curl", 'case "$*" in *169.254*) exit 7;; *) exit 0;; esac')

    def write(self, path: str, content: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")

    def program(self, name: str, body: str) -> None:
        file = self.bin / name
        file.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        file.chmod(0o755)

    def check(self, options: HostOptions | None = None) -> tuple[int, str]:
        script = ecs_anywhere.check_script("eu-west-1", options)
        done = subprocess.run(
            ["bash"],  # noqa: S607
            input=script,
            env={"PATH": f"{self.bin}:{os.environ['PATH']}", "ROOT": str(self.root), **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


_EC2 = """case "$*" in
*api/token*) echo secret;;
*X-aws-ec2-metadata-token:\\ secret*instance-identity/document*) echo '{ "instanceId" : "i-1" }';;
*169.254*) exit 22;;
esac"""
_EC2_WITHOUT_TOKENS = """case "$*" in
*metadata-token*) exit 22;;
*instance-identity/document*) echo '{ "instanceId" : "i-1" }';;
esac"""


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_a_good_host_passes(host):
    code, said = host.check()
    assert code == 0, said
    assert "FAIL" not in said
    assert "ok    reaches ssmmessages.eu-west-1.amazonaws.com:443" in said
    assert said.endswith("This host is ready.\n")


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda host: host.program("id", "echo 1000"), "not running as root"),
        (lambda host: host.program("uname", "echo armv7l"), "architecture armv7l"),
        (lambda host: host.write("etc/os-release", "ID=rhel\nVERSION_ID=9\n"), "does not install Docker"),
        (lambda host: host.program("docker", "exit 1"), "Docker is installed and does not answer"),
        (
            lambda host: host.write("var/lib/amazon/ssm/Vault/Store/RegistrationKey", "{}"),
            "holds an earlier registration",
        ),
        (lambda host: host.write("var/lib/ecs/data/agent.db", ""), "ECS agent holds an earlier registration"),
        (lambda host: host.write("etc/ecs/ecs.config", "ECS_CLUSTER=old\n"), "names a cluster already"),
        (lambda host: host.environment.update(AWS_ACCESS_KEY_ID="AKIA"), "AWS credentials in the environment"),
        (lambda host: host.write("root/.aws/credentials", "[default]\n"), "AWS credentials or configuration"),
        (lambda host: host.write("usr/libexec/amazon-ecs-init", ""), "agent's package is installed already"),
        (lambda host: host.program("curl", _EC2), "EC2's metadata service answers"),
        (lambda host: host.program("curl", _EC2_WITHOUT_TOKENS), "EC2's metadata service answers"),
        (lambda host: host.program("curl", "exit 7"), "cannot reach https://ecs.eu-west-1.amazonaws.com/"),
        (lambda host: host.write("sys/fs/cgroup/cgroup.controllers", "cpu io\n"), "memory cgroup is off"),
    ],
)
def test_each_trap_is_found_and_its_remedy_named(host, spoil, complaint):
    spoil(host)
    code, said = host.check()
    assert code == 1
    (line,) = [place for place, text in enumerate(said.splitlines()) if "FAIL" in text and complaint in text][:1]
    assert said.splitlines()[line + 1].startswith("      -> ")


@pytest.mark.parametrize("answer", ["exit 0", "echo '<html>404</html>'", "exit 22"])
def test_the_metadata_service_of_another_cloud_is_not_taken_for_ec2(host, answer):
    host.program("curl", f'case "$*" in *169.254*) {answer};; *) exit 0;; esac')
    code, said = host.check()
    assert (code, "ok    no EC2 metadata service" in said) == (0, True), said


def test_a_gpu_host_needs_nvidia_smi(host):
    host.program("nvidia-smi", "exit 9")
    code, said = host.check(HostOptions(gpu=True))
    assert (code, "nvidia-smi does not answer" in said) == (1, True)


def test_a_missing_certificates_file_is_found(host):
    code, said = host.check(HostOptions(certs_file="/etc/none.pem"))
    assert (code, "/etc/none.pem does not exist" in said) == (1, True)


def test_the_check_script_holds_no_secret():
    assert "EXAMPLE" not in ecs_anywhere.check_script(ACTIVATION.region)


class Installation(Host):
    """A host on which the whole script runs: curl brings files from a directory, gpg is the real one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.web = folder / "web"
        self.web.mkdir()
        self.keys = folder / "keys"
        self.keys.mkdir(mode=0o700)
        self.program(
            "curl",
            f'case "$*" in *169.254*) exit 7;; esac; while [ $# -gt 0 ]; do case "$1" in '
            f'-fsSo) cp "{self.web}/${{3##*/}}" "$2"; exit;; *) shift;; esac; done',
        )

    def gpg(self, *words: str) -> str:
        command = ["gpg", "--homedir", str(self.keys), "--batch", "--quiet", "--passphrase", "", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def key(self, name: str) -> str:
        self.gpg("--quick-gen-key", name, "ed25519", "sign", "never")
        listed = self.gpg("--list-keys", "--with-colons", name)
        return next(line for line in listed.splitlines() if line.startswith("fpr:")).split(":")[9]

    def offer(self, installer: str, key: str) -> None:
        place = self.web / "ecs-anywhere-install-latest.sh"
        place.write_text(installer, encoding="utf-8")
        self.gpg("--yes", "--armor", "--local-user", key, "--output", f"{place}.asc", "--detach-sign", str(place))
        (self.web / "amazon-ecs-agent.gpg").write_text(self.gpg("--armor", "--export"), encoding="utf-8")

    def register(self) -> tuple[int, str]:
        done = subprocess.run(
            ["bash"],  # noqa: S607
            input=ecs_anywhere.install_script(ACTIVATION),
            env={"PATH": f"{self.bin}:{os.environ['PATH']}", "ROOT": str(self.root)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def there(tmp_path: Path):
    if shutil.which("gpg") is None:
        pytest.skip("needs gpg")
    place = Installation(tmp_path)
    yield place
    subprocess.run(["gpgconf", "--homedir", str(place.keys), "--kill", "gpg-agent"], check=False)  # noqa: S607


def test_only_an_installer_that_amazon_signed_is_run(there, monkeypatch):
    """With real signatures: Amazon's is run; a changed one is not, nor one that another key of the file signed."""
    amazon, stranger = there.key("amazon"), there.key("stranger")
    monkeypatch.setattr("elasticache_police.ecs_anywhere.host.SIGNING_KEY", amazon)

    there.offer('echo "installing with $*"', amazon)
    code, said = there.register()
    assert (code, f"--activation-id {ACTIVATION.activation_id}" in said) == (0, True), said

    (there.web / "ecs-anywhere-install-latest.sh").write_text('echo "installing badly"', encoding="utf-8")
    assert there.register()[0] == 1

    there.offer('echo "installing badly"', stranger)
    code, said = there.register()
    assert code == 1
    assert "the installer is not signed by Amazon ECS: nothing was run" in said
    assert "installing badly" not in said
