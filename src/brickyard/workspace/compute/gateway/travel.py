"""`name@v3` and `name@20240131123000000`: a version of a table, or what it was at a time."""

from __future__ import annotations

from brickyard.workspace.compute.gateway.errors import unsupported

__all__ = ["at", "split_at"]


def at(marker: str) -> tuple[str, str]:
    """What stands after the `@`, as `("VERSION", "3")` or `("TIMESTAMP", "2024-01-31 12:30:00.000")`."""
    if marker[:1].lower() == "v" and marker[1:].isdigit():
        return "VERSION", marker[1:]
    if len(marker) == 17 and marker.isdigit():
        day = f"{marker[:4]}-{marker[4:6]}-{marker[6:8]}"
        return "TIMESTAMP", f"{day} {marker[8:10]}:{marker[10:12]}:{marker[12:14]}.{marker[14:]}"
    raise unsupported(f"time travel with '@{marker}'", "Use VERSION AS OF or TIMESTAMP AS OF.")


def split_at(name: str) -> tuple[str, dict[str, str]]:
    """A table's name for `spark.read.table`, and the options for what stands after its `@`."""
    base, found, marker = name.rpartition("@")
    if not found or "`" in marker:
        return name, {}
    kind, value = at(marker)
    return base, {"versionAsOf" if kind == "VERSION" else "timestampAsOf": value}
