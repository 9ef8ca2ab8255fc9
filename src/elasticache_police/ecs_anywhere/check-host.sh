#!/bin/bash
# Checks a Linux host before it is registered with Amazon ECS Anywhere. Changes nothing.
# Prints one line per check: "ok", "warn" or "FAIL", what was found, and for the last two what to do.
# Exit code: 0 when nothing failed, 1 otherwise.
#
# Settings come from the environment:
#   REGION          the AWS region of the cluster and the activation (required)
#   ENABLE_GPU      "yes" when the installer will get --enable-gpu
#   DOCKER_SOURCE   what the installer will get as --docker-install-source (all, docker, distro, none)
#   CERTS_FILE      what the installer will get as --certs-file
#   PARTITION_DNS   amazonaws.com unless the region is in another partition
#   ROOT            a directory to look into instead of / (for tests)
set -u

ROOT="${ROOT:-}"
REGION="${REGION:?set REGION, for example REGION=ap-northeast-1}"
ENABLE_GPU="${ENABLE_GPU:-no}"
DOCKER_SOURCE="${DOCKER_SOURCE:-all}"
CERTS_FILE="${CERTS_FILE:-}"
PARTITION_DNS="${PARTITION_DNS:-amazonaws.com}"
failed=0

ok() { printf 'ok    %s\n' "$1"; }
warn() { printf 'warn  %s\n      -> %s\n' "$1" "$2"; }
fail() { printf 'FAIL  %s\n      -> %s\n' "$1" "$2"; failed=1; }
has() { command -v "$1" >/dev/null 2>&1; }

check_root() {
    if [ "$(id -u)" -eq 0 ]; then ok "running as root"; else fail "not running as root" "run it with sudo"; fi
}

check_systemd() {
    if [ -d "$ROOT/run/systemd/system" ]; then
        ok "systemd is running"
    else
        fail "systemd is not running" "the installer supports systemd only: use a host, not a container or WSL 1"
    fi
}

check_architecture() {
    local machine
    machine="$(uname -m)"
    case "$machine" in
    x86_64 | aarch64) ok "architecture $machine" ;;
    *) fail "architecture $machine" "ECS Anywhere runs on x86_64 and aarch64 (a 64-bit operating system on an ARM board)" ;;
    esac
}

check_distribution() {
    local id="" version=""
    if [ -r "$ROOT/etc/os-release" ]; then
        id="$(. "$ROOT/etc/os-release" && printf '%s' "${ID:-}")"
        version="$(. "$ROOT/etc/os-release" && printf '%s' "${VERSION_ID:-}")"
    fi
    case "$id" in
    amzn | centos | rhel | fedora | ubuntu | debian | sles | opensuse*) ok "distribution $id $version" ;;
    *) warn "distribution ${id:-unknown} $version" "not in AWS's list for ECS Anywhere; it may work" ;;
    esac
    if [ "$id" = rhel ] && [ "$DOCKER_SOURCE" != none ]; then
        fail "RHEL: the installer does not install Docker here" "install Docker first and pass --docker-source none"
    fi
    if ! has dnf && ! has yum && ! has apt && ! has zypper; then
        fail "no dnf, yum, apt or zypper" "the installer needs one of these package managers"
    fi
}

check_docker() {
    if has docker; then
        if docker info >/dev/null 2>&1; then
            ok "Docker is installed and answers"
        else
            fail "Docker is installed and does not answer" "start it: systemctl start docker"
        fi
    elif [ "$DOCKER_SOURCE" = none ]; then
        fail "Docker is missing and --docker-install-source is none" "install Docker first, or let the installer do it"
    else
        ok "Docker is missing; the installer will install it (source: $DOCKER_SOURCE)"
    fi
}

check_leftovers() {
    local key="$ROOT/var/lib/amazon/ssm/Vault/Store/RegistrationKey"
    local clean="deregister it, then clean up: elasticache-police ecs cleanup-command"
    if [ -s "$key" ]; then
        fail "the SSM agent holds an earlier registration ($key)" \
            "the installer would keep it and ignore the new activation; $clean"
    else
        ok "no earlier SSM registration"
    fi
    if [ -e "$ROOT/var/lib/ecs/data/agent.db" ] || [ -e "$ROOT/var/lib/ecs/data/ecs_agent_data.json" ]; then
        fail "the ECS agent holds an earlier registration ($ROOT/var/lib/ecs/data)" "$clean"
    else
        ok "no earlier ECS registration"
    fi
    if [ -e "$ROOT/usr/libexec/amazon-ecs-init" ]; then
        fail "the ECS agent's package is installed already ($ROOT/usr/libexec/amazon-ecs-init)" \
            "it may hold on to what it was set up for; $clean"
    fi
    if [ -f "$ROOT/etc/ecs/ecs.config" ] && grep -q '^ECS_CLUSTER=' "$ROOT/etc/ecs/ecs.config"; then
        fail "/etc/ecs/ecs.config names a cluster already" "the installer would append a second line: remove ECS_CLUSTER"
    fi
}

is_ec2() { # other clouds have metadata services on that address too, and no such document
    local metadata=http://169.254.169.254/latest token=""
    local ask=(curl -fs --noproxy '*' --max-time 2)
    has curl || return 1
    token="$("${ask[@]}" -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" "$metadata/api/token" 2>/dev/null)" || token=""
    "${ask[@]}" ${token:+-H "X-aws-ec2-metadata-token: $token"} "$metadata/dynamic/instance-identity/document" 2>/dev/null |
        grep -q '"instanceId"'
}

check_credentials() {
    local name file found=""
    for name in AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE AWS_WEB_IDENTITY_TOKEN_FILE \
        AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_CREDENTIALS_RELATIVE_URI; do
        if [ -n "${!name:-}" ]; then found="$found $name"; fi
    done
    if [ -n "$found" ]; then
        fail "AWS credentials in the environment:$found" \
            "the agents would use them instead of the activation's role; unset them for the installer and the services"
    fi
    for file in "$ROOT/root/.aws/credentials" "$ROOT/root/.aws/config"; do
        if [ -s "$file" ]; then
            found="$found $file"
            fail "AWS credentials or configuration in $file" "move it away until the host is registered"
        fi
    done
    if [ -z "$found" ]; then ok "no AWS credentials that would get in the way"; fi
    if is_ec2; then
        fail "EC2's metadata service answers on 169.254.169.254" \
            "this is an EC2 instance, or something that plays one: join it as an EC2 instance, or block that address"
    else
        ok "no EC2 metadata service"
    fi
}

check_memory_cgroup() {
    if [ -r "$ROOT/sys/fs/cgroup/cgroup.controllers" ]; then
        if grep -qw memory "$ROOT/sys/fs/cgroup/cgroup.controllers"; then
            ok "memory cgroup (v2)"
        else
            fail "the memory cgroup is off" "add cgroup_enable=memory cgroup_memory=1 to the kernel command line and reboot"
        fi
    elif [ -d "$ROOT/sys/fs/cgroup/memory" ]; then
        ok "memory cgroup (v1)"
    else
        fail "no memory cgroup" "add cgroup_enable=memory cgroup_memory=1 to the kernel command line and reboot"
    fi
    if has getenforce && [ "$(getenforce 2>/dev/null)" = Enforcing ]; then
        warn "SELinux is enforcing" "ECS Anywhere does not support SELinux for containers"
    fi
}

check_gpu() {
    if [ "$ENABLE_GPU" != yes ]; then return; fi
    if nvidia-smi >/dev/null 2>&1; then
        ok "nvidia-smi answers"
    else
        fail "nvidia-smi does not answer" "install the NVIDIA driver (and the NVIDIA container toolkit) before --enable-gpu"
    fi
}

check_certificates() {
    if [ -n "$CERTS_FILE" ] && [ ! -f "$ROOT$CERTS_FILE" ]; then
        fail "the certificates file $CERTS_FILE does not exist" "the installer would silently use the system's own"
    fi
}

reach() { # host: any HTTP answer counts, also a refusal
    curl -s -o /dev/null --max-time 8 "https://$1/" 2>/dev/null
}

check_egress() {
    local host
    if ! has curl; then
        fail "curl is missing" "install curl; the installer is downloaded with it"
        return
    fi
    for host in amazon-ecs-agent.s3.amazonaws.com \
        "ecs.$REGION.$PARTITION_DNS" "ecs-a-1.$REGION.$PARTITION_DNS" "ecs-t-1.$REGION.$PARTITION_DNS" \
        "ssm.$REGION.$PARTITION_DNS" "ssmmessages.$REGION.$PARTITION_DNS" "ec2messages.$REGION.$PARTITION_DNS" \
        "logs.$REGION.$PARTITION_DNS" "api.ecr.$REGION.$PARTITION_DNS" "s3.$REGION.$PARTITION_DNS" \
        raw.githubusercontent.com; do # the last one has the keys of the packages' signatures
        if reach "$host"; then
            ok "reaches $host:443"
        else
            fail "cannot reach https://$host/" "open port 443 outwards, or set HTTPS_PROXY, or trust the proxy's certificate"
        fi
    done
}

check_clock() {
    local date remote here skew
    has curl || return
    date="$(curl -sI --max-time 8 "https://ssm.$REGION.$PARTITION_DNS/" 2>/dev/null | tr -d '\r' | sed -n 's/^[Dd]ate: //p')"
    if [ -z "$date" ]; then return; fi
    remote="$(date -d "$date" +%s 2>/dev/null)" || return
    here="$(date +%s)"
    skew=$((here - remote))
    if [ "${skew#-}" -gt 240 ]; then
        fail "the clock is $skew s off" "AWS refuses signatures that are 5 minutes off: set up NTP"
    else
        ok "the clock agrees with AWS's within $skew s"
    fi
}

check_root
check_systemd
check_architecture
check_distribution
check_docker
check_leftovers
check_credentials
check_memory_cgroup
check_gpu
check_certificates
check_egress
check_clock
if [ "$failed" -ne 0 ]; then
    echo "This host is not ready: see the lines marked FAIL." >&2
    exit 1
fi
echo "This host is ready."
