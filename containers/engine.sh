# Sourced by the scripts beside it: buildah and podman with a storage of their own, in a directory, and without a daemon.

use_storage() { # GRAPH WORK: layers are kept in GRAPH, settings in WORK
    printf '[storage]\ndriver = "overlay"\nrunroot = "%s/run"\ngraphroot = "%s/graph"\n' "$1" "$1" >"$2/storage.conf"
    cat >"$2/containers.conf" <<'END'
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "host"
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
END
    export CONTAINERS_STORAGE_CONF="$2/storage.conf" CONTAINERS_CONF="$2/containers.conf" BUILDAH_ISOLATION=chroot
}
