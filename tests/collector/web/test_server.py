"""How the web server listens."""

import asyncio
import socket

from gpufleet_collector.config import Listen
from gpufleet_collector.web import server


async def test_small_pieces_of_an_answer_go_out_at_once() -> None:
    """Else each waits for the other side to acknowledge the piece before, which a client does after up to 40 ms."""
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def look(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listener = server._listen(Listen("127.0.0.1", 0))
    async with await asyncio.start_server(look, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        assert await accepted
        writer.close()
        await writer.wait_closed()
