"""Libraries that do not go together, or cannot be installed: the others are, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from brickyard.workspace.compute.environments import LibraryError
from brickyard.workspace.libraries.installation import install
from brickyard.workspace.libraries.kinds import name_of

A, B, C = ({"pypi": {"package": name}} for name in ("a", "b", "c"))


class Builder:
    """Refuses what is said not to go together."""

    def __init__(self, *refused: str) -> None:
        self.refused = [set(one.split()) for one in refused]
        self.built: list[str] = []

    def __call__(self, wanted: Sequence[str]) -> Path:
        for one in self.refused:
            if one <= set(wanted):
                raise LibraryError(f"no {' and '.join(sorted(one))}")
        self.built.append(" ".join(wanted))
        return Path("/", *wanted)


def test_all_that_goes_together_is_one_installation() -> None:
    build = Builder()
    done = install([A, B, C], build)
    assert (done.directory, done.failures, build.built) == (Path("/a/b/c"), {}, ["a b c"])
    assert install([], build).directory is None


def test_one_that_cannot_be_installed_does_not_keep_the_others() -> None:
    done = install([A, B, C], Builder("b"))
    assert (done.directory, done.failures) == (Path("/a/c"), {name_of(B): "no b"})
    alone = install([A], Builder("a"))
    assert (alone.directory, alone.failures) == (None, {name_of(A): "no a"})


def test_of_two_that_do_not_go_together_the_first_stays() -> None:
    done = install([A, B, C], Builder("a c"))
    assert (done.directory, done.failures) == (Path("/a/b"), {name_of(C): "no a and c"})
