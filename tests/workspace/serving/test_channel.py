"""The channel to a scoring process carries what a client has to be told."""

from __future__ import annotations

import asyncio
from pathlib import Path

from brickyard.workspace.serving.channel import Channel, Reply

BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nbusy"
)


def test_a_process_that_sheds_says_when_to_ask_again(tmp_path: Path) -> None:
    async def busy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(BUSY)

    async def ask() -> Reply:
        async with await asyncio.start_unix_server(busy, tmp_path / "s"):
            return await Channel(tmp_path / "s").post(b"{}", "application/json")

    reply = asyncio.run(ask())
    assert (reply.status, reply.retry_after, reply.body) == (503, "1", b"busy")
