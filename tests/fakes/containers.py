"""Images as tests look into them and run them: by Docker where it built them, else by an OCI runtime on what buildah
unpacks. What runs shares this machine's loopback and nothing else: no capability, and a root file system that is read
only."""

import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

RUNTIMES = ("runc", "crun")
USER_ID = 10001
NAMESPACES = ("mount", "pid", "ipc", "uts")


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What an image says of how it is run, as Docker names it."""

    entrypoint: tuple[str, ...]
    arguments: tuple[str, ...]
    environ: Mapping[str, str]
    user: str
    labels: Mapping[str, str]
    volumes: frozenset[str]
    healthcheck: tuple[str, ...]
    stop_signal: str

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "ImageConfig":
        return cls(
            entrypoint=tuple(told["Entrypoint"]),
            arguments=tuple(told["Cmd"]),
            environ=dict(pair.partition("=")[::2] for pair in told["Env"]),
            user=told["User"],
            labels=told["Labels"],
            volumes=frozenset(told["Volumes"]),
            healthcheck=tuple(told["Healthcheck"]["Test"]),
            stop_signal=told["StopSignal"],
        )

    @property
    def health_command(self) -> list[str]:
        kind, *rest = self.healthcheck
        return ["/bin/sh", "-c", *rest] if kind == "CMD-SHELL" else rest


@dataclass(frozen=True, slots=True)
class Container:
    """Commands of this machine: the first runs the container until it ends, and passes signals on."""

    run: list[str]
    execute: list[str]
    """To be followed by a command to be run inside."""


class Engine(Protocol):
    """What built the images."""

    program: str

    def inspect(self, image: str) -> Mapping[str, Any]:
        """All that is said of it, its history too."""
        ...

    def config(self, image: str) -> ImageConfig: ...

    def files(self, image: str, folder: Path) -> AbstractContextManager[Path]:
        """The folder in which the image's files lie."""
        ...

    def container(
        self, image: str, folder: Path, *, environ: Mapping[str, str], mounts: Mapping[str, Path]
    ) -> AbstractContextManager[Container]:
        """What runs it, with these settings and with folders of this machine (by their place inside)."""
        ...


class Docker:
    program = "docker"

    def inspect(self, image: str) -> Mapping[str, Any]:
        (told,) = json.loads(_output("docker", "image", "inspect", image))
        told["History"] = _output("docker", "history", "--no-trunc", image)
        return dict(told)

    def config(self, image: str) -> ImageConfig:
        return ImageConfig.of(self.inspect(image)["Config"])

    @contextmanager
    def files(self, image: str, folder: Path) -> Iterator[Path]:
        name, rootfs = _fresh_name(), folder / "rootfs"
        rootfs.mkdir()
        _output("docker", "create", "--name", name, image)
        try:
            with subprocess.Popen(["docker", "export", name], stdout=subprocess.PIPE) as exporting:
                subprocess.run(["tar", "-x", "-C", rootfs], stdin=exporting.stdout, check=True)
            yield rootfs
        finally:
            _output("docker", "rm", name)
            shutil.rmtree(rootfs)

    @contextmanager
    def container(
        self, image: str, folder: Path, *, environ: Mapping[str, str], mounts: Mapping[str, Path]
    ) -> Iterator[Container]:
        name = _fresh_name()
        options = ["--rm", "--name", name, "--network", "host", "--read-only"]
        options += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        for variable, value in environ.items():
            options += ["--env", f"{variable}={value}"]
        for inside, here in mounts.items():
            options += ["--volume", f"{here}:{inside}"]
        docker = str(shutil.which(self.program))
        yield Container([docker, "run", *options, image], [docker, "exec", name])


class Buildah:
    program = "buildah"

    def __init__(self, runtime: str) -> None:
        self._runtime = runtime

    def inspect(self, image: str) -> Mapping[str, Any]:
        told: dict[str, Any] = json.loads(_output("buildah", "inspect", "--type", "image", image))
        return told

    def config(self, image: str) -> ImageConfig:
        return ImageConfig.of(self.inspect(image)["Docker"]["config"])

    @contextmanager
    def files(self, image: str, folder: Path) -> Iterator[Path]:
        name = _output("buildah", "from", "--pull-never", image)
        try:
            yield Path(_output("buildah", "mount", name))
        finally:
            _output("buildah", "rm", name)

    @contextmanager
    def container(
        self, image: str, folder: Path, *, environ: Mapping[str, str], mounts: Mapping[str, Path]
    ) -> Iterator[Container]:
        name, config = _fresh_name(), self.config(image)
        with self.files(image, folder) as rootfs:
            bundle = folder / name
            bundle.mkdir()
            told = runtime_config(rootfs, config, environ={**config.environ, **environ}, mounts=mounts)
            (bundle / "config.json").write_text(json.dumps(told))
            state = ["--root", str(folder / "run")]
            if self._runtime.endswith("crun"):
                state += ["--cgroup-manager", "disabled"]
            yield Container(
                [self._runtime, *state, "run", "--bundle", str(bundle), name],
                [self._runtime, *state, "exec", name],
            )


def engine_of(program: str) -> Engine | None:
    """What looks into the images that `program` built; None where nothing here runs them."""
    if program == Docker.program:
        return Docker()
    runtime = next(filter(None, map(shutil.which, RUNTIMES)), None)
    return None if runtime is None else Buildah(runtime)


def runtime_config(
    rootfs: Path, config: ImageConfig, *, environ: Mapping[str, str], mounts: Mapping[str, Path]
) -> dict[str, Any]:
    """The OCI runtime's configuration: as its image says, with nothing that the image does not need."""
    user, _, group = config.user.partition(":")
    special = [
        _mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=64m"),
        _mount("/sys", "bind", "/sys", "rbind", "ro"),
    ]
    bound = [_mount(inside, "bind", str(here), "rbind", "rw") for inside, here in mounts.items()]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": int(user), "gid": int(group)},
            "args": [*config.entrypoint, *config.arguments],
            "env": [f"{variable}={value}" for variable, value in environ.items()],
            "cwd": "/",
            "capabilities": {kind: [] for kind in ("bounding", "effective", "inheritable", "permitted", "ambient")},
            "noNewPrivileges": True,
        },
        "root": {"path": str(rootfs), "readonly": True},
        "hostname": "container",
        "mounts": [*special, *bound],
        "linux": {"namespaces": [{"type": kind} for kind in NAMESPACES]},
    }


def _mount(inside: str, kind: str, source: str, *options: str) -> dict[str, Any]:
    return {"destination": inside, "type": kind, "source": source, "options": list(options)}


def _fresh_name() -> str:
    return f"gpufleet-test-{secrets.token_hex(4)}"


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"
    return done.stdout.strip()


def run_in(container: Container, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*container.execute, *command], capture_output=True, text=True, check=False, timeout=60)
