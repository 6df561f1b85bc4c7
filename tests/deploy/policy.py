"""What no manifest of ours may ask of a cluster, and what each has to say: every rule answers with what offends it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
"""One object of Kubernetes, as it is written."""

PROBES: Mapping[str, tuple[str, ...]] = {
    "DaemonSet": ("readinessProbe",),
    "Deployment": ("startupProbe", "readinessProbe", "livenessProbe"),
    "StatefulSet": ("startupProbe", "readinessProbe", "livenessProbe"),
}
"""The kinds that run something, and how the cluster has to be told whether it does. An agent's death needs no probe."""

HARMLESS = {
    "Namespace",
    "ServiceAccount",
    "Service",
    "ConfigMap",
    "NetworkPolicy",
    "PriorityClass",
    "PodDisruptionBudget",
}
HOST_NAMESPACES = ("hostNetwork", "hostPID", "hostIPC")
VOLUMES = {"configMap", "secret", "emptyDir", "persistentVolumeClaim"}
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_TAG = re.compile(r"[^\s@]+:(?P<tag>[\w.-]+)|[^\s@]+@sha256:[0-9a-f]{64}")


def offences(documents: Iterable[Document]) -> list[str]:
    """All of them, each with where it is and what it is."""
    return [f"{_name(document)}: {what}" for document in documents for what in _of_document(document)]


def pod_spec(document: Document) -> Document:
    """That of a document whose kind is in `PROBES`."""
    spec: Document = document["spec"]["template"]["spec"]
    return spec


def containers(document: Document) -> list[Document]:
    """Those of a document whose kind is in `PROBES`, whatever they are for."""
    return [each for group in CONTAINERS for each in pod_spec(document).get(group, ())]


def _name(document: Document) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


def _of_document(document: Document) -> Iterator[str]:
    kind = document["kind"]
    if kind in PROBES:
        yield from _of_pod(pod_spec(document))
        for container in containers(document):
            missing = [probe for probe in PROBES[kind] if probe not in container]
            found = (*_of_security(container), *_of_container(container), *_of_probes(container))
            yield from (f"container {container['name']}: {what}" for what in found)
            yield from (f"container {container['name']}: no {probe}" for probe in missing)
    elif kind not in HARMLESS:
        yield f"a {kind} is not among what these manifests are made of"
    if kind == "ServiceAccount" and document.get("automountServiceAccountToken") is not False:
        yield "its token is mounted"


def _of_pod(spec: Document) -> Iterator[str]:
    yield from (f"{name} is asked for" for name in HOST_NAMESPACES if spec.get(name))
    if spec.get("automountServiceAccountToken") is not False:
        yield "the service account's token is mounted"
    if spec.get("serviceAccountName", "default") == "default":
        yield "it runs under the service account of everybody"
    if spec.get("enableServiceLinks") is not False:
        yield "variables of all Services are let in"
    security = spec.get("securityContext", {})
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        yield "it may run as root"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "no seccomp profile"
    for volume in spec.get("volumes", ()):
        if not set(volume) <= {"name", *VOLUMES}:
            yield f"volume {volume['name']} is of another kind than {', '.join(sorted(VOLUMES))}"
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"volume {volume['name']} has no sizeLimit"


def _of_security(container: Document) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("privileged"):
        yield "privileged"
    if security.get("allowPrivilegeEscalation") is not False:
        yield "it may gain privileges"
    if security.get("readOnlyRootFilesystem") is not True:
        yield "its root file system is writable"
    if added := security.get("capabilities", {}).get("add"):
        yield f"capabilities are added: {', '.join(added)}"
    if security.get("capabilities", {}).get("drop") != ["ALL"]:
        yield "not all capabilities are dropped"
    if security.get("runAsUser") == 0 or security.get("runAsNonRoot") is False:
        yield "it runs as root"
    if security.get("seccompProfile", {}).get("type", "RuntimeDefault") != "RuntimeDefault":
        yield "it opts out of the seccomp profile"


def _of_container(container: Document) -> Iterator[str]:
    tag = _TAG.fullmatch(container["image"])
    if tag is None or tag["tag"] == "latest":
        yield f"image {container['image']} is not of one version"
    for bound in ("requests", "limits"):
        resources = container.get("resources", {}).get(bound, {})
        yield from (f"no {bound} for {one}" for one in ("cpu", "memory") if one not in resources)
    if any("hostPort" in port for port in container.get("ports", ())):
        yield "a port of the host is taken"
    by_variable = [one["name"] for one in container.get("env", ()) if "secretKeyRef" in one.get("valueFrom", {})]
    if by_variable or any("secretRef" in source for source in container.get("envFrom", ())):
        yield "a secret is in the environment instead of a file"


def _of_probes(container: Document) -> Iterator[str]:
    paths = {probe: container.get(probe, {}).get("httpGet", {}).get("path") for probe in PROBES["Deployment"]}
    if "/readyz" in (paths["livenessProbe"], paths["startupProbe"]):
        yield "it would be ended for trouble of its database"
