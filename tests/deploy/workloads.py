"""The programs of a variant as the cluster runs them: what is in their environment, and where their files come from."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deploy.policy import PROBES, containers, pod_spec
from deploy.rendering import find, rendered


def workload(variant: str, name: str) -> Mapping[str, Any]:
    """The one object that runs pods under that name."""
    [found] = [each for each in rendered(variant) if each["kind"] in PROBES and each["metadata"]["name"] == name]
    return found


def environment(variant: str, program: str) -> dict[str, str | None]:
    """What its one container gets, from ConfigMaps too; None is what the cluster knows only when it runs."""
    return dict(_variables(variant, workload(variant, program)))


def source_of(document: Mapping[str, Any], path: str) -> tuple[str, str]:
    """The Secret, and the key in it, that are mounted there."""
    [container] = containers(document)
    [mount] = [one for one in container["volumeMounts"] if path.startswith(one["mountPath"] + "/")]
    [secret] = [one["secret"] for one in pod_spec(document)["volumes"] if one["name"] == mount["name"]]
    file = path.removeprefix(mount["mountPath"] + "/")
    items = {item["path"]: item["key"] for item in secret.get("items", ())}
    return secret["secretName"], (items[file] if items else file)


def ask_whether_ready(data_dir: Path) -> int:
    """The agent's readiness probe, for an agent with this data directory; 0 is ready."""
    [agent] = containers(workload("small", "gpufleet-agent"))
    command = agent["readinessProbe"]["exec"]["command"]
    script = re.sub(r"/var/lib/gpufleet\b", str(data_dir), command[-1])
    assert script != command[-1]
    return subprocess.run([*command[:-1], script], check=False).returncode


def _variables(variant: str, document: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    [container] = containers(document)
    for source in container["envFrom"]:
        yield from find(rendered(variant), "ConfigMap", source["configMapRef"]["name"])["data"].items()
    for variable in container["env"]:
        yield variable["name"], variable.get("value")
