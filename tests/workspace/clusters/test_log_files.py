"""Logs where the disk is full, and of programs that replace or remove the file of their output."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from brickyard.workspace.clusters.log_files import Output, append, copy


@contextmanager
def most(size: int) -> Iterator[None]:
    """No file can become larger meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_does_not_fit_is_not_there_twice_afterwards(tmp_path: Path) -> None:
    source, path = tmp_path / "output.log", tmp_path / "stdout"
    source.write_bytes(b"0123456789")
    append(path, b"before ")
    output = Output(source)
    with most(12), pytest.raises(OSError, match="too large"):
        output.deliver(path)
    assert path.read_bytes() == b"before "
    output.deliver(path)
    assert path.read_bytes() == b"before 0123456789"


def test_a_copy_that_is_not_whole_is_made_again(tmp_path: Path) -> None:
    source, path = tmp_path / "hello.sh.stdout.log", tmp_path / "copy"
    source.write_bytes(b"0123456789")
    with most(4), pytest.raises(OSError, match="too large"):
        copy(source, path)
    copy(source, path)
    assert path.read_bytes() == b"0123456789"


def test_the_rest_of_an_output_is_delivered_after_its_file_was_removed(tmp_path: Path) -> None:
    source, path = tmp_path / "output.log", tmp_path / "stdout"
    output = Output(source)
    output.deliver(path)
    source.write_text("one\n")
    output.deliver(path)
    source.write_text("one\ntwo\n")
    output.end()
    source.unlink()
    output.deliver(path)
    output.close()
    assert path.read_text() == "one\ntwo\n"


@pytest.mark.parametrize("target", ["pipe", "link"])
def test_an_output_that_is_no_file_any_more_is_left_out(tmp_path: Path, target: str) -> None:
    source, path = tmp_path / "output.log", tmp_path / "stdout"
    if target == "pipe":
        os.mkfifo(source)
    else:
        (tmp_path / "private").write_text("x")
        source.symlink_to(tmp_path / "private")
    output = Output(source)
    output.deliver(path)
    output.end()
    output.deliver(path)
    assert not path.exists()
