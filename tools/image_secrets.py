"""How pip reaches its index from inside a build: this machine's own settings, in files that only the steps which
install packages see, so that no address and no password gets into an image."""

import ast
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

CERTIFICATES = "/run/secrets/certificates"
"""Where a step of a build finds the secret of that name."""

NAMES = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")
"""Settings that say how packages are reached. The others are this machine's own affair, and so are its files."""

_LINE = re.compile(r"(global|install|:env:)\.([\w-]+)=(.*)")

BUNDLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


def build_secrets(folder: Path, environ: Mapping[str, str]) -> dict[str, Path]:
    """The secrets of a build by name, written into `folder`, which nobody else may read; none where nothing is set."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], env=environ, capture_output=True, text=True, check=True
    ).stdout
    settings = pip_settings(listed)
    bundle = settings.pop("cert", None) or next(filter(None, map(environ.get, BUNDLES)), None)
    secrets: dict[str, Path] = {}
    if bundle is not None and Path(bundle).is_file():
        secrets["certificates"] = folder / "certificates"
        secrets["certificates"].write_bytes(Path(bundle).read_bytes())
        settings["cert"] = CERTIFICATES
    if settings:
        secrets["pip"] = folder / "pip.conf"
        secrets["pip"].write_text(pip_conf(settings))
    return secrets


def pip_settings(listed: str) -> dict[str, str]:
    """The settings that say how packages are reached, of what `pip config list` prints; the environment wins."""
    found: dict[str, str] = {}
    matches = [match for match in map(_LINE.fullmatch, listed.splitlines()) if match]
    for match in sorted(matches, key=lambda match: match[1] == ":env:"):
        values = [value for value in str(ast.literal_eval(match[3])).split() if not value.startswith("file:")]
        if match[2] in (*NAMES, "cert") and values:
            found[match[2]] = " ".join(values)
    return found


def pip_conf(settings: Mapping[str, str]) -> str:
    """As pip reads it; several values are a line each."""
    lines = (" = ".join((name, "\n    ".join(value.split()))) for name, value in settings.items())
    return "\n".join(["[global]", *lines, ""])
