"""`make kubernetes-secrets`: what a cluster needs to start closed, certificates, tokens and the bus's password, as
files and as Secrets to apply."""

import argparse
import base64
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import yaml

from certificates import MAX_NAMES, BadName, Credential, issue_client, issue_server, make_authority, names_of

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "kubernetes-secrets"
SERVICE = "gpufleet-collector"
BUS_USER = "gpufleet"
BUS = "gpufleet-nats:4222"
ROLES = ("agent", "viewer", "admin")
MANIFESTS = "manifests"
TLS, OPAQUE = "kubernetes.io/tls", "Opaque"

Files = Mapping[str, bytes]
"""What each file of the folder holds, by its name."""

SECRETS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "gpufleet-collector-tls": (TLS, {"tls.crt": "server.crt", "tls.key": "server.key", "ca.crt": "ca.crt"}),
    "gpufleet-tokens": (OPAQUE, {"tokens": "tokens"}),
    "gpufleet-agent": (OPAQUE, {"token": "agent-token", "ca.crt": "ca.crt"}),
    "gpufleet-agent-tls": (TLS, {"tls.crt": "agent.crt", "tls.key": "agent.key"}),
    "gpufleet-bus": (OPAQUE, {"url": "bus-url", "nats.conf": "nats.conf"}),
}
"""The Secrets that the manifests mount: type, and which file each key holds. ca.key is in none of them."""


class Refusal(Exception):
    """Something the person at the terminal has to change; one line."""


def service_names(namespace: str) -> list[str]:
    """Under which names the Service of the collector, and a forwarded port of it, are reached."""
    inside = [SERVICE, *(f"{SERVICE}.{namespace}{end}" for end in ("", ".svc", ".svc.cluster.local"))]
    return [*inside, "localhost", "127.0.0.1", "::1"]


def make_certificates(authority: Credential, names: Sequence[str], now: datetime) -> dict[str, bytes]:
    """Those of collector and agents. Raises Refusal for a name that is none."""
    try:
        server = issue_server(authority, names, now)
    except BadName as error:
        raise Refusal(f"NAMES: {error}") from None
    agent = issue_client(authority, "gpufleet-agent", now)
    return {
        "server.crt": server.certificate,
        "server.key": server.key,
        "agent.crt": agent.certificate,
        "agent.key": agent.key,
    }


def make_bus(password: str) -> dict[str, bytes]:
    """The server's settings and the address for the collectors."""
    settings = f"""\
# The bus of gpufleet's collectors: nothing is stored, and nobody else comes in.
port: 4222
http_port: 8222
authorization {{
  user: "{BUS_USER}"
  password: "{password}"
}}
"""
    return {"nats.conf": settings.encode(), "bus-url": f"nats://{BUS_USER}:{password}@{BUS}\n".encode()}


def create_token(tokens: Path, role: str, name: str) -> bytes:
    """A new token and its end of line; its hashed line is added to `tokens`. Raises Refusal."""
    command = ("gpufleet_collector", "token", "create", "--role", role, "--name", name, "--for-file", str(tokens))
    result = subprocess.run([sys.executable, "-m", *command], capture_output=True, check=False)
    if result.returncode != 0:
        raise Refusal(result.stderr.decode(errors="replace").strip())
    return result.stdout


def manifest(name: str, namespace: str, files: Files) -> bytes:
    """One Secret, YAML."""
    kind, keys = SECRETS[name]
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/part-of": "gpufleet"}},
        "data": {key: base64.b64encode(files[file]).decode() for key, file in keys.items()},
    }
    return yaml.safe_dump(secret, sort_keys=False).encode()


def create(folder: Path, namespace: str, names: Sequence[str], now: datetime) -> None:
    """All of it, whole or not at all. Raises Refusal where there is something already: it may be in use."""
    if folder.exists():
        raise Refusal(
            f"{folder} is there already and may be in use: RENEW=1 makes new certificates alone; or remove it"
        )
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700, parents=True)
    authority = make_authority("gpufleet", now)
    files = {"ca.crt": authority.certificate, "ca.key": authority.key}
    files |= make_certificates(authority, [*service_names(namespace), *names], now)
    files |= make_bus(secrets.token_hex(24))
    for role in ROLES:
        files[f"{role}-token"] = create_token(fresh / "tokens", role, f"kubernetes-{role}")
    files["tokens"] = (fresh / "tokens").read_bytes()
    _write_all(fresh, namespace, files)
    fresh.rename(folder)


def renew(folder: Path, namespace: str, names: Sequence[str], now: datetime) -> None:
    """New certificates of the same authority, for the names that there were and for `names`. Raises Refusal."""
    try:
        authority = Credential((folder / "ca.crt").read_bytes(), (folder / "ca.key").read_bytes())
        before = names_of((folder / "server.crt").read_bytes())
        wanted = dict.fromkeys([*service_names(namespace), *before, *names])
        fresh = make_certificates(authority, list(wanted), now)
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    except OSError as error:
        raise Refusal(f"nothing to renew ({error}): run `make kubernetes-secrets` first") from None
    except ValueError as error:
        raise Refusal(f"ca.crt, ca.key or server.crt in {folder} cannot be read: {error}") from None
    _write_all(folder, namespace, files | fresh)


def _write_all(folder: Path, namespace: str, files: Files) -> None:
    (folder / MANIFESTS).mkdir(mode=0o700, exist_ok=True)
    for name, content in files.items():
        _write(folder / name, content)
    for name in SECRETS:
        _write(folder / MANIFESTS / f"{name}.yaml", manifest(name, namespace, files))


def _write(path: Path, content: bytes) -> None:
    """For this user alone from the first moment on, and never half."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600, exist_ok=False)
    fresh.write_bytes(content)
    fresh.replace(path)


def instructions(folder: Path, namespace: str, expires: datetime) -> str:
    """What to do with it."""
    return f"""\
Written to {folder}, for this user alone. It stays out of git; keep ca.key and admin-token where you keep secrets.

  kubectl apply -f deploy/kubernetes/base/namespace.yaml
  kubectl apply --server-side -f {folder / MANIFESTS}
  kubectl apply -k deploy/kubernetes/overlays/small

Instead of the last line, for several collectors, with postgresql://USER:PASSWORD@HOST:5432/DATABASE in a FILE:

  kubectl -n {namespace} create secret generic gpufleet-database --from-file=url=FILE
  kubectl apply -k deploy/kubernetes/overlays/large

To look at it: kubectl -n {namespace} port-forward service/{SERVICE} 8080, then https://localhost:8080 with the token in
{folder / "admin-token"}.

The certificates end on {expires:%Y-%m-%d}. Before that: RENEW=1 make kubernetes-secrets, and the second line once more.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        namespace, names = _namespace(options.namespace), _names(options.names)
        make = renew if options.renew else create
        make(options.output, namespace, names, datetime.now(UTC))
    except Refusal as refusal:
        sys.stderr.write(f"kubernetes-secrets: {refusal}\n")
        return 2
    certificate = Credential((options.output / "server.crt").read_bytes(), b"")
    sys.stdout.write(instructions(options.output, namespace, certificate.expires))
    return 0


def _namespace(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", text):
        raise Refusal(f"--namespace={text[:80]!r} is not the name of a namespace")
    return text


def _names(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    if len(names) > MAX_NAMES:
        raise Refusal(f"NAMES has {len(names)} names: give at most {MAX_NAMES}")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kubernetes-secrets", description=__doc__, allow_abbrev=False)
    parser.add_argument("--output", type=Path, default=FOLDER, metavar="DIR", help="folder to write [%(default)s]")
    parser.add_argument("--namespace", default="gpufleet", help="namespace of the Secrets [%(default)s]")
    parser.add_argument("--names", default="", help="further names and addresses of the collector, comma-separated")
    parser.add_argument("--renew", action="store_true", help="new certificates of the same authority, and nothing else")
    return parser


if __name__ == "__main__":
    sys.exit(main())
