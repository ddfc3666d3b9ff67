"""Content that arrives in pieces of any size is written whole, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from brickyard.workspace.api.errors import RequestTooLarge
from brickyard.workspace.files import storage
from brickyard.workspace.files.storage import Spool


async def arriving(pieces: list[bytes], end: Exception | None = None) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    if end is not None:
        raise end


@given(sizes=st.lists(st.integers(0, 400_000) | st.integers(0, 3), max_size=40))
@example(sizes=[1] * 3000)
@example(sizes=[5 * 2**20, 1, 2**21])
def test_what_arrived_is_what_is_written(sizes: list[int]) -> None:
    pieces = [bytes([place % 251]) * size for place, size in enumerate(sizes)]
    with TemporaryDirectory() as directory, Spool(Path(directory)) as spool:
        anyio.run(spool.receive, arriving(pieces))
        assert spool.read() == b"".join(pieces)


@pytest.mark.parametrize("count", [1, 9])
def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path, count: int) -> None:
    gone = ConnectionResetError("the client left")
    with pytest.raises(ConnectionResetError), Spool(tmp_path) as spool:
        anyio.run(spool.receive, arriving([bytes(2**20)] * count, gone))
    assert list(tmp_path.iterdir()) == []


def test_no_more_is_written_than_is_accepted(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool, pytest.raises(RequestTooLarge):
        anyio.run(spool.receive, arriving([bytes(2**20)] * 9), 2**22)


def test_a_call_that_writes_a_part_is_followed_by_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writev = storage.os.writev
    monkeypatch.setattr(storage.os, "writev", lambda handle, pieces: writev(handle, [pieces[0][:3]]))
    with Spool(tmp_path) as spool:
        anyio.run(spool.receive, arriving([b"ab", b"cdefgh", b"", b"i"]))
        assert spool.read() == b"abcdefghi"
