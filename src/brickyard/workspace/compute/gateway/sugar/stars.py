"""`* EXCEPT (...)`, and `* REPLACE (...)` of the pipe operator SET: the columns are named one by one."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.sugar.scope import Scope, aliases
from brickyard.workspace.compute.gateway.sugar.tree import column, render, touch

__all__ = ["expand_stars", "star_of"]


def star_of(item: Any) -> Any:
    """The star in `*` or `t.*`, or None."""
    from sqlglot import exp

    if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        return item.this
    return item if isinstance(item, exp.Star) else None


def expand_stars(select: Any, scope: Scope, *, every: bool = False) -> None:
    """Replace the stars of a SELECT (`every`: also those without EXCEPT) by the columns that they stand for."""
    for holder in [select, *_functions(select)]:
        changed = False
        items: list[Any] = []
        for item in holder.expressions:
            star = star_of(item)
            if star is None or not (
                (every and holder is select) or star.args.get("except_") or star.args.get("replace")
            ):
                items.append(item)
                continue
            items += _columns(select, item, star, scope)
            changed = True
        if changed:
            holder.set("expressions", items)
            touch(holder)


def _functions(select: Any) -> list[Any]:
    """Functions that are given a star, such as `struct(* EXCEPT (a))`."""
    from sqlglot import exp

    found = [star for item in select.expressions for star in item.find_all(exp.Star)]
    holders = [star.parent.parent if isinstance(star.parent, exp.Column) else star.parent for star in found]
    return [holder for holder in holders if isinstance(holder, exp.Func)]


def _columns(select: Any, item: Any, star: Any, scope: Scope) -> list[Any]:
    qualifier = [part.name for part in item.parts[:-1]] if item is not star else []
    fields = _references(select, qualifier, scope)
    dropped = [_name(node) for node in star.args.get("except_") or []]
    _check_overlap([_written(node) for node in star.args.get("except_") or []])
    replaced = {node.alias.lower(): node for node in star.args.get("replace") or []}
    sources = {alias.lower() for alias in aliases(select)}
    whole = [[path for path in dropped if _names(path, reference, sources)] for reference, _ in fields]
    found = {path for paths in whole for path in paths}
    columns = set(found)
    items = []
    for (reference, field), paths in zip(fields, whole, strict=True):
        if paths:
            continue
        name = field.name.lower()
        inner = [path for path in dropped if len(path) > 1 and path[0] == name and path not in columns]
        found.update(inner)
        if name in replaced:
            items.append(replaced.pop(name).copy())
        else:
            items.append(_without_fields(reference, field, inner) if inner else reference)
    missing = [path for path in dropped if path not in found] + [(name,) for name in replaced]
    if missing:
        raise SparkError(
            "UNRESOLVED_COLUMN.WITH_SUGGESTION",
            f"A column, variable, or function parameter with name {_quoted(missing[0])} cannot be resolved. "
            f"Did you mean one of the following? [{', '.join(_quoted((field.name,)) for _, field in fields)}].",
            sql_state="42703",
        )
    return items


def _check_overlap(paths: list[tuple[str, ...]]) -> None:
    """Refuse a name twice; the same in other letters is none, as in Spark."""
    if any(one[: len(other)] == other for at, one in enumerate(paths) for other in paths[:at] + paths[at + 1 :]):
        listed = ", ".join(_quoted(path) for path in paths)
        text = f"Columns in an EXCEPT list must be distinct and non-overlapping, but got ({listed})."
        raise SparkError("EXCEPT_OVERLAPPING_COLUMNS", text, sql_state="42702")


def _name(node: Any) -> tuple[str, ...]:
    return tuple(part.lower() for part in _written(node))


def _written(node: Any) -> tuple[str, ...]:
    return tuple(part.name for part in getattr(node, "parts", [node]))


def _quoted(path: tuple[str, ...]) -> str:
    return ".".join(f"`{part}`" for part in path)


def _names(path: tuple[str, ...], reference: Any, sources: set[str]) -> bool:
    """Whether a name is that of a column, and not of a field in one."""
    *own, name = (part.name.lower() for part in reference.parts)
    qualifier = list(path[:-1])
    if path[-1] != name or not qualifier:
        return bool(path[-1] == name)
    return own[-len(qualifier) :] == qualifier if own else qualifier[-1] in sources


def _references(select: Any, qualifier: list[str], scope: Scope) -> list[tuple[Any, Any]]:
    """Each column of the star: how to call it, and its field."""
    from sqlglot import exp

    if qualifier:
        everything = column(*qualifier, "*")
        everything.set("this", exp.Star())
        schema = scope.schema(select, everything)
        return [(column(*qualifier, field.name), field) for field in schema.fields]
    schema = scope.schema(select)
    names = [field.name.lower() for field in schema.fields]
    if len(set(names)) == len(names):
        return [(column(field.name), field) for field in schema.fields]
    found = [pair for alias in aliases(select) for pair in _references(select, [alias], scope)]
    if [field.name for _, field in found] != schema.names:
        raise unsupported("* EXCEPT over a join with USING that repeats column names", "Name the columns.")
    return found


def _without_fields(reference: Any, field: Any, paths: list[tuple[str, ...]]) -> Any:
    """A struct without some of its fields."""
    from sqlglot import exp

    dropped = {path[1] for path in paths}
    known = [one.name for one in field.dataType] if hasattr(field.dataType, "fields") else []
    unknown = dropped - {one.lower() for one in known}
    if known and unknown:
        listed = ", ".join(f"`{one}`" for one in known)
        text = f"No such struct field `{min(unknown)}` in {listed}."
        raise SparkError("FIELD_NOT_FOUND", text, sql_state="42704")
    if any(len(path) > 2 for path in paths) or not hasattr(field.dataType, "fields"):
        raise unsupported("* EXCEPT of a field inside a field", "Build the struct with named_struct().")
    place = render(reference)
    kept = [f"{_text(one.name)}, {place}.`{one.name}`" for one in field.dataType if one.name.lower() not in dropped]
    struct: Any = exp.maybe_parse(f"if({place} IS NULL, NULL, named_struct({', '.join(kept)}))", dialect="databricks")
    return exp.alias_(struct, field.name, quoted=True)


def _text(name: str) -> str:
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"
