"""A connection whose other end is gone without a word is found out, by both."""

import asyncio
import socket
from typing import Any

import asyncpg
import pytest

from fakes.proxy import running_proxy, through, where
from gpufleet_collector.store import database as database_module
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.keepalive import SERVER_SETTINGS, WatchedConnection, be_watched


async def connect(dsn: str) -> Any:
    connection = await asyncpg.connect(dsn, connection_class=WatchedConnection)
    await be_watched(connection)
    return connection


async def test_over_a_network_our_end_asks_the_other_when_all_is_silent(database_url: str) -> None:
    with running_proxy(where(database_url)) as proxy:
        connection = await connect(through(proxy, database_url))
        try:
            end = connection._transport.get_extra_info("socket")
            assert end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
                assert end.getsockopt(socket.IPPROTO_TCP, getattr(socket, option)) == value
        finally:
            await connection.close()


async def test_the_server_takes_every_setting_by_which_it_asks_us(database_url: str) -> None:
    connection = await connect(database_url)
    try:
        assert connection.is_remote is isinstance(where(database_url), int)
        connection.is_remote = True
        await be_watched(connection)
        known = await connection.fetchval(
            "SELECT count(*) FROM pg_settings WHERE name = ANY($1)", list(SERVER_SETTINGS)
        )
        assert known == len(SERVER_SETTINGS)
    finally:
        await connection.close()


async def test_a_connection_that_was_forgotten_on_the_way_is_replaced_before_it_is_used(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "IDLE_ANSWER_SECONDS", 0.2)
    with running_proxy(where(database_url)) as proxy:
        database = Database(through(proxy, database_url), connections=1)
        try:
            await database.ping()
            proxy.forget()
            monkeypatch.setattr(database_module, "IDLE_SECONDS", 0.0)
            async with asyncio.timeout(10):
                await database.ping()
        finally:
            await database.close()


async def test_a_connection_in_use_is_not_asked_again(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    async def ask(_connection: object) -> None:
        nonlocal asked
        asked += 1

    monkeypatch.setattr(database_module, "_ask", ask)
    database = Database(database_url, connections=1)
    try:
        for _ in range(3):
            await database.ping()
        assert asked == 0
        monkeypatch.setattr(database_module, "IDLE_SECONDS", 0.0)
        await database.ping()
        assert asked == 1
    finally:
        await database.close()
