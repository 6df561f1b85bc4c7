"""`make images`: both container images, by Docker where it answers, else by buildah, which needs no daemon.

BASE_IMAGE names another base than the Dockerfiles' (`local`: made here of Debian's packages), IMAGE_PREFIX goes before
the names (such as `registry.example/team/`), EXTRA_PACKAGES=pyarrow into the collector's.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from image_base import make_rootfs
from image_secrets import build_secrets

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILES = ROOT / "deploy" / "docker"
BASE_CONTEXT = ROOT / "build" / "images"
BASE_IMAGE = "python:3.12-slim-bookworm"
LOCAL = "local"
ANSWER_SECONDS, PULL_SECONDS = 20, 300


class Refusal(Exception):
    """Something the person at the terminal has to change; one line."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A program that builds images, and its words for it."""

    program: str
    build: tuple[str, ...]


DOCKER = Engine("docker", ("docker", "build"))
BUILDAH = Engine("buildah", ("buildah", "bud", "--isolation", "chroot", "--format", "docker"))


@dataclass(frozen=True, slots=True)
class Build:
    """One image: its Dockerfile, what it sees, its name, arguments, and secrets that only some of its steps see."""

    dockerfile: Path
    context: Path
    name: str
    arguments: Mapping[str, str]
    secrets: Mapping[str, Path]

    def command(self, engine: Engine) -> list[str]:
        command = [*engine.build, "--file", str(self.dockerfile), "--tag", self.name]
        for argument, value in self.arguments.items():
            command += ["--build-arg", f"{argument}={value}"]
        for secret, file in self.secrets.items():
            command += ["--secret", f"id={secret},src={file}"]
        return [*command, str(self.context)]


def find_engine() -> Engine:
    """Docker when its daemon answers, else buildah. Raises Refusal."""
    if shutil.which("docker") and succeeds(["docker", "info"], ANSWER_SECONDS):
        return DOCKER
    if shutil.which("buildah"):
        return BUILDAH
    raise Refusal("Docker does not answer and there is no buildah: start Docker, or `apt-get install buildah`")


def builds(environ: Mapping[str, str], base: str, revision: str, secrets: Mapping[str, Path]) -> list[Build]:
    """Agent and collector, each named by its version."""
    return [
        _build("agent", environ, {"BASE_IMAGE": base, "REVISION": revision}, secrets),
        _build(
            "collector",
            environ,
            # The stage with Node.js only passes on what `make dashboard` has built.
            {
                "BASE_IMAGE": base,
                "REVISION": revision,
                "NODE_IMAGE": base,
                "DASHBOARD": "context",
                "EXTRA_PACKAGES": environ.get("EXTRA_PACKAGES", ""),
            },
            secrets,
        ),
    ]


def _build(part: str, environ: Mapping[str, str], arguments: Mapping[str, str], secrets: Mapping[str, Path]) -> Build:
    release = version(f"gpufleet-{part}")
    name = f"{environ.get('IMAGE_PREFIX', '')}gpufleet-{part}:{release}"
    return Build(DOCKERFILES / f"{part}.Dockerfile", ROOT, name, {"VERSION": release, **arguments}, secrets)


def base_image(engine: Engine, environ: Mapping[str, str]) -> str:
    """The image to build on: the one that is wished, or the Dockerfiles' own, or where that is not to be had a local
    stand-in. Raises Refusal."""
    wished = environ.get("BASE_IMAGE") or BASE_IMAGE
    if wished != LOCAL:
        if succeeds([engine.program, "pull", "--quiet", wished], PULL_SECONDS):
            return wished
        if environ.get("BASE_IMAGE"):
            raise Refusal(
                f"BASE_IMAGE={wished!r} cannot be pulled: name another, or `BASE_IMAGE=local make images` for a "
                "stand-in made of Debian's packages"
            )
        say(f"{wished} cannot be pulled: building on a stand-in made of Debian's packages (BASE_IMAGE=local) ...")
    return local_base(engine, environ)


def local_base(engine: Engine, environ: Mapping[str, str]) -> str:
    """A stand-in for the base image, made of Debian's packages once and then kept in build/. Raises Refusal."""
    rootfs = BASE_CONTEXT / "rootfs.tar"
    if not rootfs.exists():
        if not shutil.which("debootstrap") or os.geteuid() != 0:
            raise Refusal(
                "a local base image is made by debootstrap, as root: `apt-get install debootstrap`, or name one that "
                "can be pulled with BASE_IMAGE"
            )
        say("Making a base image of Debian's packages (a minute or two) ...")
        BASE_CONTEXT.mkdir(parents=True, exist_ok=True)
        try:
            make_rootfs(rootfs)
        except subprocess.CalledProcessError as error:
            raise Refusal(f"no base image was made: `{error.cmd[0]}` ended with status {error.returncode}") from None
    name = f"{environ.get('IMAGE_PREFIX') or 'localhost/'}gpufleet-base:local"
    run(Build(DOCKERFILES / "base.Dockerfile", BASE_CONTEXT, name, {}, {}).command(engine))
    return name


def succeeds(command: Sequence[str], seconds: float) -> bool:
    """Whether it ends well in time."""
    try:
        return subprocess.run(command, capture_output=True, timeout=seconds, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def run(command: Sequence[str]) -> None:
    """Raises Refusal when it fails; what it said is above."""
    # Docker before 23 knows secrets only when asked.
    environ = {**os.environ, "DOCKER_BUILDKIT": "1"}
    if status := subprocess.run(command, env=environ, stdout=sys.stderr, check=False).returncode:
        raise Refusal(f"`{' '.join(command[:2])}` ended with status {status}; its last lines above say why")


def answer_of(command: Sequence[str]) -> str:
    """What it prints, or nothing where it fails or is not there."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def make_images(environ: Mapping[str, str]) -> None:
    """Build both and print their names and sizes. Raises Refusal."""
    engine = find_engine()
    base = base_image(engine, environ)
    revision = answer_of(["git", "rev-parse", "HEAD"]) or "unknown"
    with tempfile.TemporaryDirectory() as folder:
        for build in builds(environ, base, revision, build_secrets(Path(folder), environ)):
            say(f"Building {build.name} ...")
            run(build.command(engine))
            print(build.name, answer_of([engine.program, "images", "--format", "{{.Size}}", build.name]), flush=True)


def main() -> int:
    try:
        make_images(os.environ)
    except Refusal as refusal:
        say(f"gpufleet: {refusal}")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
