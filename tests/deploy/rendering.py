"""The manifests as a cluster gets them, and which variants of them there are to look at."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
COMPONENTS = ("nvidia-runtime", "mutual-tls")
FOR_OPEN = ("without-token", "without-ca")

VARIANTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "small": ("small", ()),
    "large": ("large", ()),
    "small-with-all": ("small", COMPONENTS),
    "large-with-all": ("large", COMPONENTS),
}
"""Overlay and components by the variant's name: those with collectors."""

EVERY_VARIANT = {
    **VARIANTS,
    "agents": ("agents", ()),
    "agents-with-all": ("agents", COMPONENTS),
    "agents-of-open": ("agents", FOR_OPEN),
}


def kubectl() -> str:
    """The one among the tools of this project, else that of this machine."""
    found = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    assert found is not None, "kubectl is not installed: run `make sync`"
    return found


def render(folder: Path) -> list[dict[str, Any]]:
    """What `kubectl apply -k` would send."""
    result = subprocess.run([kubectl(), "kustomize", folder], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stderr == "", "kustomize has something to say"
    return [document for document in yaml.safe_load_all(result.stdout) if document]


def write_variant(folder: Path, overlay: str, components: tuple[str, ...]) -> None:
    """A kustomization of somebody who uses ours as they are, in `folder`."""
    to = Path(*[".."] * len(folder.resolve().parts[1:])) / KUBERNETES.relative_to("/")
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [str(to / "overlays" / overlay)],
        "components": [str(to / "components" / name) for name in components],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))


@cache
def rendered(name: str) -> tuple[Mapping[str, Any], ...]:
    """One of `EVERY_VARIANT`; not to be changed."""
    overlay, components = EVERY_VARIANT[name]
    if not components:
        return tuple(render(KUBERNETES / "overlays" / overlay))
    with tempfile.TemporaryDirectory(prefix="gpf-") as folder:
        write_variant(Path(folder), overlay, components)
        return tuple(render(Path(folder)))


def find(documents: tuple[Mapping[str, Any], ...], kind: str, name: str) -> Mapping[str, Any]:
    """The one object of that kind and name."""
    [found] = [each for each in documents if each["kind"] == kind and each["metadata"]["name"] == name]
    return found
