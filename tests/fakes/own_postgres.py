"""A collector reduced to its own PostgreSQL, as a process of its own that a test can kill or run as another user.

Usage: own_postgres.py FOLDER CORNER [--as USER_ID] [--pg-bin FOLDER]; it says the server's process and its address, and
stops at the end of its input.
"""

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

import asyncpg

sys.path.insert(0, str(Path(__file__).parent.parent))

from fakes.machine import surroundings
from gpufleet_collector.store.embedded.launch import answers
from gpufleet_collector.store.embedded.server import EmbeddedPostgres


async def main(options: argparse.Namespace) -> None:
    postgres = EmbeddedPostgres(options.folder, pg_bin=options.pg_bin, around=surroundings(options.corner))
    dsn = await postgres.start()
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
    await connection.close()
    sys.stdout.write(f"{postgres.server_pid} {dsn}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await postgres.stop()


async def warm_up() -> None:
    """Have everything imported, also what libraries import on first use."""
    await asyncio.to_thread(int)
    await answers(Path("/nowhere"))


def become(user_id: int) -> None:
    """Go on as another user, who may be unable to read this Python: what is imported by now needs no reading."""
    asyncio.run(warm_up())
    os.setgroups([])
    os.setgid(user_id)
    os.setuid(user_id)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("corner", type=Path)
    parser.add_argument("--as", dest="user_id", type=int)
    parser.add_argument("--pg-bin", type=Path)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    if given.user_id is not None:
        become(given.user_id)
    asyncio.run(main(given))
