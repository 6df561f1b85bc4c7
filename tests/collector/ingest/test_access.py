"""Streams with tokens: let in for their hosts, bounded in number, and ended with their token."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import grpc
import pytest

from fakes.ingest import PATIENCE_SECONDS, Ingest, hello, raw_agent, running_ingest
from fakes.tokens import grant_of
from gpufleet_collector.access.book import Book
from gpufleet_collector.access.grants import Role
from gpufleet_collector.ingest.limits import IngestLimits

BOUND = grant_of("bound", Role.AGENT, hosts=("gpu-*",))
WIDE = grant_of("wide", Role.AGENT)


def book() -> Book:
    made = Book()
    made.replace("database", [BOUND, WIDE])
    return made


def bearing(text: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {text}")]


def refused(ingest: Ingest, reason: str) -> float:
    return ingest.count("gpufleet_streams_refused_total", reason=reason)


async def test_a_token_that_is_bound_to_hosts_speaks_for_those_alone() -> None:
    async with running_ingest(book=book()) as ingest:
        async with raw_agent(ingest.target, bearing("bound")) as agent:
            await agent.send(hello("gpu-7"))
            assert (await agent.receive()).WhichOneof("message") == "welcome"
        async with raw_agent(ingest.target, bearing("bound")) as agent:
            await agent.send(hello("db-7"))
            status, words = await agent.status()
        assert status is grpc.StatusCode.PERMISSION_DENIED
        assert "db-7" in words
        assert refused(ingest, "host_not_allowed") == 1
        assert [record.host for record in ingest.store.declared] == ["gpu-7"]


async def test_a_refusal_does_not_say_whether_a_token_is_wrong_or_revoked() -> None:
    known = book()
    known.replace(
        "file", [grant_of("revoked", Role.AGENT, revoked_at=1), grant_of("expired", Role.AGENT, expires_at=1)]
    )
    said = set()
    async with running_ingest(book=known) as ingest:
        for text in ("wrong", "revoked", "expired"):
            async with raw_agent(ingest.target, bearing(text)) as agent:
                said.add(await agent.status())
        assert len(said) == 1
        assert refused(ingest, "unauthenticated") == 3
        assert not ingest.store.declared


async def test_a_revoked_token_ends_the_streams_that_came_with_it_and_no_others() -> None:
    known = book()
    async with (
        running_ingest(book=known) as ingest,
        raw_agent(ingest.target, bearing("bound")) as lost,
        raw_agent(ingest.target, bearing("wide")) as kept,
    ):
        for agent, host in ((lost, "gpu-1"), (kept, "other")):
            await agent.send(hello(host, agent_id=host))
            await agent.receive()
        known.replace("database", [replace(BOUND, revoked_at=1), WIDE])
        assert known.sweep(1) == 1
        status, _ = await lost.status()
        assert status is grpc.StatusCode.UNAUTHENTICATED
        assert ingest.live.host("other").state == "up"  # type: ignore[union-attr]


async def test_who_comes_back_takes_the_place_of_its_old_stream_though_the_limit_is_reached() -> None:
    async with (
        running_ingest(IngestLimits(hosts_per_token=1), book=book()) as ingest,
        raw_agent(ingest.target, bearing("wide")) as old,
        raw_agent(ingest.target, bearing("wide")) as new,
    ):
        for agent in (old, new):
            await agent.send(hello("a", agent_id="a"))
            assert (await agent.receive()).WhichOneof("message") == "welcome"


async def test_streams_that_did_not_say_yet_whose_they_are_take_no_place_of_a_token() -> None:
    async with running_ingest(IngestLimits(hosts_per_token=1), book=book()) as ingest, AsyncExitStack() as streams:
        silent = [await streams.enter_async_context(raw_agent(ingest.target, bearing("wide"))) for _ in range(3)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while ingest.count("gpufleet_streams") < len(silent):
                await asyncio.sleep(0)
        agent = await streams.enter_async_context(raw_agent(ingest.target, bearing("wide")))
        await agent.send(hello("a", agent_id="a"))
        assert (await agent.receive()).WhichOneof("message") == "welcome"


async def test_a_host_that_ends_frees_its_place() -> None:
    async with running_ingest(IngestLimits(hosts_per_token=1), book=book()) as ingest:
        for host in ("a", "b"):
            async with raw_agent(ingest.target, bearing("wide")) as agent:
                await agent.send(hello(host, agent_id=host))
                assert (await agent.receive()).WhichOneof("message") == "welcome"
            async with asyncio.timeout(PATIENCE_SECONDS):
                while ingest.count("gpufleet_streams"):
                    await asyncio.sleep(0)


@pytest.mark.parametrize("limit", [1, 2])
async def test_so_many_agents_stream_with_one_token_and_no_more(limit: int) -> None:
    limits = IngestLimits(hosts_per_token=limit)
    async with running_ingest(limits, book=book()) as ingest:
        async with raw_agent(ingest.target, bearing("wide")) as one:
            await one.send(hello("a", agent_id="a"))
            await one.receive()
            async with raw_agent(ingest.target, bearing("wide")) as another:
                await another.send(hello("b", agent_id="b"))
                if limit == 2:
                    assert (await another.receive()).WhichOneof("message") == "welcome"
                    return
                status, words = await another.status()
        assert status is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "GPUFLEET_MAX_HOSTS_PER_TOKEN" in words
        assert refused(ingest, "too_many_hosts_of_token") == 1


async def test_who_has_no_token_is_not_told_how_full_it_is() -> None:
    async with (
        running_ingest(IngestLimits(streams=1), book=book()) as ingest,
        raw_agent(ingest.target, bearing("wide")) as one,
    ):
        await one.send(hello("a", agent_id="a"))
        await one.receive()
        async with raw_agent(ingest.target) as nobody, raw_agent(ingest.target, bearing("wide")) as another:
            assert (await nobody.status())[0] is grpc.StatusCode.UNAUTHENTICATED
            assert (await another.status())[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
