"""`kill -9` between the steps of a change to the catalog: at the next start it was done, or nothing of it was."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.workspace import Workspace
from tests.workspace.catalog.kill_points import COLUMNS, ME, SCHEMA, T, V, opened

CATALOG, FILES = "brickyard.workspace.catalog", "brickyard.workspace.files"
TAKEN, GIVEN = f"{CATALOG}.dropped:Dropped.take", f"{CATALOG}.dropped:Dropped.give_back"
SETTLED, MOVED = f"{CATALOG}.dropped:Dropped.settle", f"{CATALOG}.renaming:Renaming._move_directories"
LINKED, RENAMED, UNLINKED = f"{FILES}.mounts:Mounts.link", "pathlib:Path.rename", "pathlib:Path.unlink"
#: The change, where it is killed, and whether it is done at the next start.
Point = tuple[str, str, str, int, bool]
POINTS: list[Point] = [
    ("create", f"{CATALOG}.staging:Staging.fill", "after", 1, False),
    ("drop", TAKEN, "after", 1, False),
    ("undrop", GIVEN, "after", 1, False),
    ("rename schema", RENAMED, "after", 2, False),
    ("replace view", f"{CATALOG}.definers:Attributes.write", "after", 1, False),
    ("unmount", UNLINKED, "after", 1, True),
    ("update mount", LINKED, "before", 1, True),
]
#: As before, for `make soak`.
MORE: list[Point] = [
    ("grant", f"{CATALOG}.grants:_write", "after", 1, False),
    ("drop schema", TAKEN, "after", 1, False),
    ("rename", UNLINKED, "before", 1, True),
    ("create", f"{CATALOG}.service:create_log", "after", 1, False),
    ("drop", TAKEN, "before", 1, False),
    ("drop", SETTLED, "before", 1, True),
    ("undrop", GIVEN, "before", 1, False),
    ("rename", MOVED, "before", 1, False),
    ("rename", RENAMED, "after", 1, False),
    ("rename schema", RENAMED, "after", 1, False),
    ("rename schema", UNLINKED, "before", 1, True),
    ("drop schema", SETTLED, "before", 1, True),
    ("drop volume", TAKEN, "after", 1, False),
    ("mount", LINKED, "before", 1, True),
    ("unmount", LINKED, "before", 1, True),
    ("update mount", f"{FILES}.mounts:_remove", "after", 1, False),
    ("update mount", UNLINKED, "after", 2, True),
]
Kill = Callable[..., int]


@pytest.fixture(scope="module")
def kill() -> Iterator[Kill]:
    """Do something in a process that kills itself at a point of it."""
    command = [sys.executable, "-m", "tests.workspace.catalog.kill_points"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin is not None and program.stdout is not None

        def ask(root: Path, act: str, point: str = "", when: str = "before", nth: int = 1) -> int:
            assert program.stdin is not None and program.stdout is not None
            request = {"root": str(root), "act": act, "point": point, "when": when, "nth": nth}
            program.stdin.write(json.dumps(request) + "\n")
            program.stdin.flush()
            return int(program.stdout.readline())

        yield ask
        program.stdin.close()


def prepared(root: Path) -> None:
    """A schema with a table, a view, a volume with a file, grants, and a mount."""
    for name in ("one", "two"):
        root.with_name(f"{root.name}.{name}").mkdir(parents=True)
    workspace = opened(root)
    workspace.catalog.create_schema(SCHEMA, ME)
    workspace.catalog.create_table(T, ME, columns=COLUMNS)
    workspace.catalog.create_table("main.s.view", ME, table_type="VIEW", format=None, view_definition="SELECT 1 AS a")
    workspace.catalog.create_volume(V, ME)
    (workspace.data / "volumes" / "main" / "s" / "v" / "a.txt").write_text("a")
    (workspace.catalog.table(T).directory / "rows.parquet").write_text("rows")
    workspace.files.mounting.mount("/mnt/kept", f"file:{root}.one", ME)
    workspace.close()


def has_table(workspace: Workspace, name: str, *, rows: bool = True) -> bool:
    """Whether there is such a table; with its log, and its file with rows."""
    if not workspace.catalog.has_table(name):
        return False
    place = workspace.catalog.table(name).directory
    assert (place / "_delta_log").is_dir()
    assert not rows or (place / "rows.parquet").is_file()
    return True


def has_volume(workspace: Workspace, name: str) -> bool:
    if not workspace.catalog.has_volume(name):
        return False
    return workspace.data.joinpath("volumes", *name.split("."), "a.txt").read_text() == "a"


def is_granted(workspace: Workspace) -> bool:
    target = workspace.catalog.access(workspace.identity.owner).object(ObjectKind.TABLE, T)
    return workspace.identity.principals.users in workspace.catalog.grants.on(target)


def mounted(workspace: Workspace, point: str) -> str:
    """What is mounted: the row, the trees' knowledge and both links say the same."""
    data, names = workspace.data, tuple(point.split("/")[1:])
    rows = {one.point: one.target for one in workspace.files.mounting.all()}
    links = {one.readlink() for one in (data / ".mounts").iterdir() if one.name == point.replace("/", "%2F")}
    home = data / "dbfs" / point.lstrip("/")
    assert links == ({rows[point]} if point in rows else set())
    assert workspace.files.roots.mounted.get(names) == rows.get(point)
    assert (home.readlink() if home.is_symlink() else None) == rows.get(point)
    return rows[point].suffix if point in rows else ""


DONE: dict[str, Callable[[Workspace], bool]] = {
    "create": lambda w: has_table(w, "main.s.new", rows=False),
    "drop": lambda w: not has_table(w, T),
    "undrop": lambda w: has_table(w, T),
    "rename": lambda w: has_table(w, "main.s.renamed") and not has_table(w, T),
    "rename schema": lambda w: has_table(w, "main.other.t") and has_volume(w, "main.other.v"),
    "drop schema": lambda w: not w.catalog.has_table(T) and not w.catalog.has_volume(V),
    "drop volume": lambda w: not has_volume(w, V),
    "grant": is_granted,
    "replace view": lambda w: w.catalog.table("main.s.view").view_definition == "SELECT 2 AS a",
    "mount": lambda w: mounted(w, "/mnt/new") == ".one",
    "unmount": lambda w: mounted(w, "/mnt/kept") == "",
    "update mount": lambda w: mounted(w, "/mnt/kept") == ".two",
}


def check(root: Path, act: str) -> bool:
    """Whether the change is done at the next start; what is not, is as it was, and nothing is left over."""
    workspace = opened(root)
    try:
        done = DONE[act](workspace)
        if not done:
            assert has_table(workspace, T) or act == "undrop"
            assert has_volume(workspace, V)
            assert act == "update mount" or not act.endswith("mount") or mounted(workspace, "/mnt/kept") == ".one"
            assert workspace.catalog.table("main.s.view").view_definition == "SELECT 1 AS a"
        kept = workspace.catalog.undrop.expire()
        assert {one.name for one in (workspace.data / ".dropped").iterdir()} == kept
        assert not list((workspace.data / ".staged").iterdir())
        assert not (workspace.data / ".renaming").exists()
        return done
    finally:
        workspace.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with all this, and a copy of it."""
    root = tmp_path_factory.mktemp("killed") / "w"
    prepared(root)
    shutil.copytree(root, root.with_name("copy"), symlinks=True)
    return root


@pytest.fixture
def root(made: Path) -> Path:
    """The workspace as it was made."""
    shutil.rmtree(made)
    shutil.copytree(made.with_name("copy"), made, symlinks=True)
    return made


@pytest.mark.parametrize(
    ("act", "point", "when", "nth", "done"), [*POINTS, *(pytest.param(*one, marks=pytest.mark.soak) for one in MORE)]
)
def test_a_change_is_done_or_nothing_of_it(
    root: Path, kill: Kill, act: str, point: str, when: str, nth: int, done: bool
) -> None:
    if act == "undrop":
        assert kill(root, "drop") == 0
    assert kill(root, act, point, when, nth) == -signal.SIGKILL
    assert check(root, act) is done
    if not done:  # then it can be done
        assert kill(root, act) == 0
        assert check(root, act)
