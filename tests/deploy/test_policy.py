"""No manifest asks for more than it needs, and each rule that says so fires."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from deploy.policy import containers, offences, pod_spec
from deploy.rendering import EVERY_VARIANT, find, rendered

Break = Callable[[Any], object]


@pytest.mark.parametrize("variant", EVERY_VARIANT)
def test_no_manifest_offends(variant: str) -> None:
    assert offences(rendered(variant)) == []


def _pod(change: Callable[[Any], object]) -> Break:
    return lambda document: change(pod_spec(document))


def _container(change: Callable[[Any], object]) -> Break:
    return lambda document: change(containers(document)[0])


BAD: dict[str, tuple[str, Break]] = {
    "hostPID": ("hostPID is asked for", _pod(lambda pod: pod.update(hostPID=True))),
    "hostNetwork": ("hostNetwork is asked for", _pod(lambda pod: pod.update(hostNetwork=True))),
    "hostIPC": ("hostIPC is asked for", _pod(lambda pod: pod.update(hostIPC=True))),
    "token": ("token is mounted", _pod(lambda pod: pod.pop("automountServiceAccountToken"))),
    "account": ("service account of everybody", _pod(lambda pod: pod.pop("serviceAccountName"))),
    "links": ("variables of all Services", _pod(lambda pod: pod.pop("enableServiceLinks"))),
    "root": ("may run as root", _pod(lambda pod: pod["securityContext"].update(runAsUser=0))),
    "no user": ("may run as root", _pod(lambda pod: pod["securityContext"].pop("runAsNonRoot"))),
    "seccomp": ("no seccomp", _pod(lambda pod: pod["securityContext"].pop("seccompProfile"))),
    "hostPath": ("of another kind", _pod(lambda pod: pod["volumes"].append({"name": "x", "hostPath": {"path": "/"}}))),
    "emptyDir": ("no sizeLimit", _pod(lambda pod: pod["volumes"].append({"name": "x", "emptyDir": {}}))),
    "privileged": ("privileged", _container(lambda one: one["securityContext"].update(privileged=True))),
    "escalation": (
        "may gain privileges",
        _container(lambda one: one["securityContext"].pop("allowPrivilegeEscalation")),
    ),
    "writable": ("is writable", _container(lambda one: one["securityContext"].pop("readOnlyRootFilesystem"))),
    "capability": (
        "are added: SYS_ADMIN",
        _container(lambda one: one["securityContext"]["capabilities"].update(add=["SYS_ADMIN"])),
    ),
    "capabilities": ("not all capabilities", _container(lambda one: one["securityContext"].pop("capabilities"))),
    "container as root": ("runs as root", _container(lambda one: one["securityContext"].update(runAsUser=0))),
    "unconfined": (
        "opts out",
        _container(lambda one: one["securityContext"].update(seccompProfile={"type": "Unconfined"})),
    ),
    "latest": ("not of one version", _container(lambda one: one.update(image="registry:5000/gpufleet-agent:latest"))),
    "no tag": ("not of one version", _container(lambda one: one.update(image="gpufleet-agent"))),
    "requests": ("no requests for memory", _container(lambda one: one["resources"]["requests"].pop("memory"))),
    "limits": ("no limits for cpu", _container(lambda one: one["resources"].pop("limits"))),
    "hostPort": ("port of the host", _container(lambda one: one.update(ports=[{"containerPort": 1, "hostPort": 1}]))),
    "secret": (
        "secret is in the environment",
        _container(lambda one: one["env"].append({"name": "A", "valueFrom": {"secretKeyRef": {"name": "s"}}})),
    ),
    "secrets": ("secret is in the environment", _container(lambda one: one["envFrom"].append({"secretRef": {}}))),
    "no probe": ("no readinessProbe", _container(lambda one: one.pop("readinessProbe"))),
    "init container": (
        "container extra",
        _pod(lambda pod: pod.update(initContainers=[{"name": "extra", "image": "a"}])),
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_agent_is_found(case: str) -> None:
    words, break_it = BAD[case]
    agent = copy.deepcopy(find(rendered("small"), "DaemonSet", "gpufleet-agent"))
    break_it(agent)
    assert any(words in offence for offence in offences([agent])), offences([agent])


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe"])
def test_a_collector_is_not_ended_for_its_database(probe: str) -> None:
    collector = copy.deepcopy(find(rendered("large"), "Deployment", "gpufleet-collector"))
    containers(collector)[0][probe]["httpGet"]["path"] = "/readyz"
    assert "would be ended for trouble of its database" in offences([collector])[0]


@pytest.mark.parametrize("kind", ["Secret", "ClusterRole", "RoleBinding", "Job"])
def test_nothing_else_is_in_the_manifests(kind: str) -> None:
    assert offences([{"kind": kind, "metadata": {"name": "x"}}])


def test_a_service_account_with_a_token_is_found() -> None:
    account = {"kind": "ServiceAccount", "metadata": {"name": "x"}}
    assert offences([account]) == ["ServiceAccount x: its token is mounted"]
