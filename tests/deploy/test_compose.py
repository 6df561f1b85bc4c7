"""compose.yaml is what Compose takes, and is closed: TLS and tokens, and ports on this machine alone at first."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from deploy.rendering import DEPLOY, ROOT
from deploy.settings import AGENT, COLLECTOR
from fakes.browser import skip_or_fail
from fakes.containers import USER_ID
from gpufleet_collector.store.address import parse_address
from kubernetes_secrets import SECRETS

COMPOSE = DEPLOY / "compose.yaml"
SOMEBODY = 4711
"""The user who made the secrets."""
SECRET_FILES = ("server.crt", "server.key", "tokens", "agent-token", "ca.crt")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return document


@pytest.fixture(scope="module")
def validator() -> jsonschema_rs.Validator:
    """Of the Compose specification, as check-jsonschema brings it along."""
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    return jsonschema_rs.validator_for(json.loads(schema.read_text()))


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    """Where the folders of `access` lie, with stand-ins for what `make kubernetes-secrets` makes for its user alone."""
    if os.geteuid() != 0:
        skip_or_fail("only root can try what root needs which capability for")
    if shutil.which("setpriv") is None:
        skip_or_fail("setpriv is not installed: it is part of util-linux")
    for folder in ("secrets", "collector", "agent"):
        (tmp_path / folder).mkdir()
    for name in SECRET_FILES:
        file = tmp_path / "secrets" / name
        file.write_text(name)
        file.chmod(0o600)
        os.chown(file, SOMEBODY, SOMEBODY)
    (tmp_path / "secrets").chmod(0o700)
    os.chown(tmp_path / "secrets", SOMEBODY, SOMEBODY)
    return tmp_path


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


def test_the_files_are_handed_out_with_the_capabilities_that_are_given(compose: dict[str, Any], mounts: Path) -> None:
    access = compose["services"]["access"]
    for _ in range(2):  # the second time over those of the start before
        done = hand_out(mounts, access["command"][0], access["cap_add"])
        assert (done.returncode, done.stderr) == (0, "")
    handed_out = [file for part in ("collector", "agent") for file in (mounts / part).iterdir()]
    assert sorted(file.read_text() for file in handed_out) == sorted(SECRET_FILES)
    for file in handed_out:
        status = file.stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (USER_ID, USER_ID, 0o400), file.name


@pytest.mark.parametrize("lacking", ["CHOWN", "DAC_OVERRIDE"])
def test_no_capability_is_given_that_handing_out_does_not_need(
    compose: dict[str, Any], lacking: str, mounts: Path
) -> None:
    access = compose["services"]["access"]
    left = [name for name in access["cap_add"] if name != lacking]
    assert len(left) == len(access["cap_add"]) - 1 == 1
    assert hand_out(mounts, access["command"][0], left).returncode != 0


def test_a_script_that_changes_a_file_that_it_has_given_away_is_found_out(
    compose: dict[str, Any], mounts: Path
) -> None:
    script = "install -o 10001 -g 10001 -m 0400 /secrets/ca.crt /agent/ca.crt"
    done = hand_out(mounts, script, compose["services"]["access"]["cap_add"])
    assert done.returncode != 0
    assert "not permitted" in done.stderr


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


def hand_out(folder: Path, script: str, capabilities: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Runs the script as Compose does, as root with these capabilities alone, on the folders of the test."""
    # Of root no more is left after an execve than is in the bounding set.
    bounding = ",".join(("-all", *(f"+{name.lower()}" for name in capabilities)))
    here = re.sub(r"(?<![\w.])/(secrets|collector|agent)/", rf"{folder}/\1/", script.replace("$$", "$"))
    command = ["setpriv", f"--bounding-set={bounding}", "--inh-caps=-all", "--no-new-privs", "sh", "-euc", here]
    environ = os.environ | {"LC_ALL": "C"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environ)


def _has_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
