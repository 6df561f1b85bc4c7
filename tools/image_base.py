"""The files of a base image, made of Debian's packages: what stands in for python:3.12-slim-bookworm where no registry
is reached."""

import subprocess
import sys
import tempfile
from pathlib import Path

SUITE = "bookworm"
PACKAGES = ("ca-certificates", "python3", "python3-venv")
LEFT_OUT = (
    "./debootstrap",
    "./dev/*",
    "./etc/apt/sources.list*",
    "./etc/hostname",
    "./etc/machine-id",
    "./etc/resolv.conf",
    "./usr/share/info/*",
    "./usr/share/locale/*",
    "./usr/share/man/*",
    "./var/cache/apt/*",
    "./var/cache/debconf/*-old",
    "./var/lib/apt/lists/*",
    "./var/log/*",
)
"""What tells of the machine that made it and where it gets packages, and what nobody reads in a container."""


def make_rootfs(tar: Path) -> None:
    """Write the files into `tar`, whole or not at all. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory(dir=tar.parent) as folder:
        rootfs, fresh = Path(folder) / "rootfs", Path(folder) / "rootfs.tar"
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(rootfs)]
        subprocess.run([*command, *_mirror()], stdout=sys.stderr, check=True)
        left_out = [f"--exclude={pattern}" for pattern in LEFT_OUT]
        subprocess.run(
            ["tar", "--create", "--numeric-owner", *left_out, "--file", fresh, "-C", rootfs, "."], check=True
        )
        fresh.replace(tar)


def _mirror() -> list[str]:
    """Where apt gets this release from on this machine; nothing, for debootstrap's own choice, where it does not."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return mirror_of(listed)


def mirror_of(listed: str) -> list[str]:
    """From lines such as `bookworm main http://mirror.example/debian/`."""
    for line in listed.splitlines():
        release, component, address = [*line.split(), "", "", ""][:3]
        if (release, component) == (SUITE, "main"):
            return [address]
    return []
