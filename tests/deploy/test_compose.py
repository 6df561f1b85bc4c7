"""compose.yaml is what Compose takes, and is closed: TLS and tokens, and ports on this machine alone at first."""

import json
import os
import shutil
import subprocess
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import jsonschema_rs
import pytest
import yaml

from deploy.rendering import DEPLOY, ROOT
from deploy.settings import AGENT, COLLECTOR
from gpufleet_collector.store.address import parse_address
from kubernetes_secrets import SECRETS

COMPOSE = DEPLOY / "compose.yaml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return document


@pytest.fixture(scope="module")
def validator() -> jsonschema_rs.Validator:
    """Of the Compose specification, as check-jsonschema brings it along."""
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    return jsonschema_rs.validator_for(json.loads(schema.read_text()))


def test_it_keeps_to_the_specification(compose: dict[str, Any], validator: jsonschema_rs.Validator) -> None:
    assert [error.message for error in validator.iter_errors(compose)] == []


def test_the_specification_fires(compose: dict[str, Any], validator: jsonschema_rs.Validator) -> None:
    service = compose["services"]["agent"] | {"read_onyl": True}
    assert not validator.is_valid(compose | {"services": {"agent": service}})


def test_compose_itself_takes_it_where_it_is_installed() -> None:
    if not _has_compose():
        return
    environ = os.environ | {"GPUFLEET_HOST_NAME": "here"}
    command = ["docker", "compose", "-f", str(COMPOSE), "config", "--quiet"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert (result.returncode, result.stderr) == (0, "")


def test_ports_are_published_on_this_machine_until_told_otherwise(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("${PUBLISH_ADDRESS:-127.0.0.1}:") for port in published)


def test_nothing_has_a_privilege_but_who_hands_out_the_files(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert not {"privileged", "pid", "ipc", "devices", "cap_add"} & service.keys() or name == "access", name
        assert "no-new-privileges:true" in service["security_opt"], name
    for name in ("collector", "agent"):
        service = compose["services"][name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["user"] not in ("0", "0:0", "root")


def test_collector_and_agent_are_closed(compose: dict[str, Any]) -> None:
    collector, agent = (compose["services"][name]["environment"] for name in ("collector", "agent"))
    assert collector.keys() <= COLLECTOR
    assert agent.keys() <= AGENT
    assert {"GPUFLEET_TLS_CERT_FILE", "GPUFLEET_TLS_KEY_FILE", "GPUFLEET_TOKENS_FILE"} <= collector.keys()
    assert "GPUFLEET_ALLOW_INSECURE" not in collector
    assert agent["GPUFLEET_COLLECTOR"].startswith("grpcs://gpufleet-collector:")
    assert compose["services"]["collector"]["networks"]["default"]["aliases"] == ["gpufleet-collector"]


def test_whoever_names_a_file_is_given_it(compose: dict[str, Any]) -> None:
    handed_out = dict(
        line.split()[1:][::-1] for line in compose["services"]["access"]["command"][0].splitlines() if " /" in line
    )
    made = {file for _, keys in SECRETS.values() for file in keys.values()}
    for name in ("collector", "agent"):
        for variable, path in compose["services"][name]["environment"].items():
            if variable.endswith("_FILE"):
                assert handed_out[path.removeprefix("/etc/gpufleet")] in made, variable


def test_the_database_has_no_network(compose: dict[str, Any]) -> None:
    database, collector = compose["services"]["database"], compose["services"]["collector"]
    assert database["network_mode"] == "none"
    assert "database-socket:/var/run/postgresql" in {*database["volumes"]} & {*collector["volumes"]}
    address = parse_address(collector["environment"]["DATABASE_URL"])
    assert address.endswith("?host=/var/run/postgresql")


def test_images_are_of_this_version(compose: dict[str, Any]) -> None:
    images = {name: service["image"] for name, service in compose["services"].items() if name != "database"}
    collector = f"gpufleet-collector:{version('gpufleet-collector')}"
    assert images == {
        "access": collector,
        "collector": collector,
        "agent": f"gpufleet-agent:{version('gpufleet-agent')}",
    }


def test_every_image_that_is_built_has_a_place(compose: dict[str, Any]) -> None:
    built = [service["build"]["dockerfile"] for service in compose["services"].values() if "build" in service]
    assert len(built) == 2
    assert all((ROOT / dockerfile).is_file() for dockerfile in built)


def _has_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
