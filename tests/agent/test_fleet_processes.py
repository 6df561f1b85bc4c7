"""A fleet of several processes is the same fleet: no host twice, none missing, one count in the end."""

import asyncio
import json
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.ingest import running_ingest
from fakes.processes import Process
from gpufleet_agent.__main__ import build_parser
from gpufleet_agent.access.address import parse_collectors
from gpufleet_agent.access.config import AccessConfig
from gpufleet_agent.errors import ConfigurationError
from gpufleet_agent.fleet_orders import FleetOrders
from gpufleet_agent.fleet_processes import as_arguments, parts_of
from gpufleet_agent.open_files import raise_file_limit

PATIENCE_SECONDS = 30.0
ORDERS = FleetOrders(
    parse_collectors("grpc://127.0.0.1:9,grpcs://node"),
    *(7, 2, 2.5, 3),
    faults=True,
    backfill_seconds=90.0,
    name_prefix="x-",
)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


@given(st.integers(1, 500), st.integers(1, 64))
def test_the_parts_have_every_host_once(hosts: int, processes: int) -> None:
    orders = FleetOrders((), hosts, 1, 5.0, 0, faults=False, backfill_seconds=0.0)
    numbers = [[*part.part.numbers(hosts)] for part in parts_of(orders, processes)]
    assert sorted(number for part in numbers for number in part) == list(range(1, hosts + 1))
    assert max(map(len, numbers)) - min(map(len, numbers)) <= 1


def test_a_part_is_told_everything_that_was_ordered() -> None:
    _, second = parts_of(ORDERS, 2)
    told = vars(build_parser().parse_args(as_arguments(second)))
    assert told["part"] == "2/2"
    assert (told["hosts"], told["gpus"], told["interval"], told["seed"], told["prefix"]) == ("7", "2", "2.5", "3", "x-")
    assert told["GPUFLEET_COLLECTOR"] == "grpc://127.0.0.1:9,grpcs://node:50051"
    assert (told["faults"], told["backfill"], told["counts"], told["spool"]) == (True, "90.000000s", True, None)


def test_a_part_gets_in_as_the_whole_does_and_no_argument_holds_the_token() -> None:
    files = {name: Path(f"/x/{name}") for name in ("ca_file", "cert_file", "key_file")}
    arguments = as_arguments(replace(ORDERS, access=AccessConfig(token="gpf_secret", allow_insecure=True, **files)))
    told = vars(build_parser().parse_args(arguments))
    assert (told["GPUFLEET_TLS_CA_FILE"], told["GPUFLEET_TLS_CERT_FILE"]) == ("/x/ca_file", "/x/cert_file")
    assert (told["GPUFLEET_TLS_KEY_FILE"], told["GPUFLEET_ALLOW_INSECURE"]) == ("/x/key_file", "true")
    assert not any("gpf_secret" in argument for argument in arguments)
    by_file = as_arguments(replace(ORDERS, access=AccessConfig(token_file=Path("/x/token"))))
    assert vars(build_parser().parse_args(by_file))["GPUFLEET_TOKEN_FILE"] == "/x/token"


def test_a_limit_of_open_files_that_cannot_be_raised_is_said_with_the_remedy() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        pytest.skip("there is no limit of open files here")
    with pytest.raises(ConfigurationError, match=rf"hard limit is {hard}: raise it .*--processes"):
        raise_file_limit(hard)


async def test_three_processes_count_as_one(tmp_path: Path) -> None:
    async with running_ingest() as ingest:
        environ = {"GPUFLEET_COLLECTOR": f"grpc://{ingest.target}"}
        fleet = Process(
            "gpufleet-agent", "simulate", "--hosts=7", "--gpus=2", "--interval=0.2", "--processes=3", "--progress=0.5",
            log=tmp_path / "fleet.log", environ=environ,
        )  # fmt: skip
        fleet.start()
        await until(lambda: len({record.host for record in ingest.store.declared}) == 7 and ingest.store.offers > 50)
        await until(lambda: "7 of 7 hosts connected" in fleet.errors)
        fleet.running.send_signal(signal.SIGTERM)
        await until(lambda: fleet.running.poll() is not None)
        count = json.loads(fleet.stop())
    assert fleet.running.returncode == 0
    assert (count["hosts"], count["connections"], count["pending"], count["dropped"]) == (7, 7, 0, 0)
    assert count["taken"] == count["settled"] == len(ingest.store.samples) > 100
    assert fleet.errors.count("streaming to") == 1


async def test_a_process_that_is_killed_ends_the_fleet_with_a_word(tmp_path: Path) -> None:
    async with running_ingest() as ingest:
        environ = {"GPUFLEET_COLLECTOR": f"grpc://{ingest.target}"}
        fleet = Process(
            *("gpufleet-agent", "simulate", "--hosts=2", "--gpus=1", "--processes=2"),
            log=tmp_path / "fleet.log",
            environ=environ,
        )
        fleet.start()
        await until(lambda: len(ingest.store.declared) == 2)
        parts = children(fleet.running.pid)
        os.kill(parts[0], signal.SIGKILL)
        await until(lambda: fleet.running.poll() is not None)
        assert fleet.stop() == ""
    assert fleet.running.returncode == 1
    assert "of the fleet ended with status -9" in fleet.errors
    assert len(parts) == 2
    assert not any(is_alive(part) for part in parts)
