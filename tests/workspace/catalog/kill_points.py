"""A program that kills itself, by SIGKILL, at a given point of a change to the catalog.

It reads one request a line (`root`, `act`, `point`, `when`, `nth`), and does each in a process of its own, forked from
this one so that nothing has to be imported again; it answers with the signal that ended it.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from brickyard.workspace.catalog.grants import Change
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.store import Store
from brickyard.workspace.workspace import Workspace

ME = "me@localhost"
T, V, SCHEMA = "main.s.t", "main.s.v", "main.s"


def opened(root: Path) -> Workspace:
    """The workspace in a directory, as a server that starts has it."""
    (root / "data").mkdir(parents=True, exist_ok=True)
    store = Store(root / "workspace.db")
    workspace = Workspace(name="killed", root=root, url="http://127.0.0.1:1", workspace_id=7, store=store)
    _ = workspace.catalog, workspace.files.mounting
    return workspace


def grant(w: Workspace) -> None:
    """Grant SELECT on the table to everybody."""
    target = w.catalog.access(w.identity.owner).object(ObjectKind.TABLE, T)
    w.catalog.grants.change(target, [Change(w.identity.principals.users, frozenset({"SELECT"}), frozenset())])


def rename(w: Workspace, kind: ObjectKind, old: str, new: str) -> None:
    """Give an object another name."""
    w.catalog.rename(w.catalog.access(w.identity.owner).object(kind, old), new, ME)


def view(w: Workspace, text: str) -> None:
    """Write a view anew."""
    from brickyard.workspace.catalog.definers import Editor
    from brickyard.workspace.catalog.records import TABLE

    w.catalog.redefine(TABLE, "main.s.view", {"view_definition": text}, Editor(ME, frozenset({ME}), True))


COLUMNS = [
    {"name": "a", "type_text": "int", "type_json": '{"name":"a","type":"integer","nullable":true,"metadata":{}}'}
]
ACTS: dict[str, Callable[[Workspace], Any]] = {
    "create": lambda w: w.catalog.create_table("main.s.new", ME, columns=COLUMNS),
    "drop": lambda w: w.catalog.delete_table(T),
    "undrop": lambda w: w.catalog.undrop.restore(w.catalog.undrop.of_schema(SCHEMA)[0]),
    "rename": lambda w: rename(w, ObjectKind.TABLE, T, "main.s.renamed"),
    "rename schema": lambda w: rename(w, ObjectKind.SCHEMA, SCHEMA, "main.other"),
    "drop schema": lambda w: w.catalog.delete_schema(SCHEMA, force=True),
    "drop volume": lambda w: w.catalog.delete_volume(V),
    "grant": grant,
    "replace view": lambda w: view(w, "SELECT 2 AS a"),
    "mount": lambda w: w.files.mounting.mount("/mnt/new", f"file:{w.root}.one", ME),
    "unmount": lambda w: w.files.mounting.unmount("/mnt/kept"),
    "update mount": lambda w: w.files.mounting.mount("/mnt/kept", f"file:{w.root}.two", ME, replace=True),
}


def arm(point: str, when: str, nth: int) -> None:
    """Kill this process before or after the nth call of a function, `module:name` or `module:Class.name`."""
    module, _, path = point.partition(":")
    holder: Any = importlib.import_module(module)
    *above, name = path.split(".")
    for one in above:
        holder = getattr(holder, one)
    function, calls = getattr(holder, name), iter(range(1, 1000))

    def armed(*args: Any, **options: Any) -> Any:
        here = next(calls) == nth
        if here and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **options)
        if here:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(holder, name, armed)


def run(request: dict[str, Any]) -> int:
    """Do what is asked for in a process of its own; the signal that ended it, or 0."""
    child = os.fork()
    if child == 0:
        workspace = opened(Path(request["root"]))
        if request.get("point"):
            arm(request["point"], request["when"], request["nth"])
        ACTS[request["act"]](workspace)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"{run(json.loads(line))}\n")
        sys.stdout.flush()
