"""Arrays, maps, percentiles."""

from __future__ import annotations

from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Rule, mismatch, untyped

__all__ = ["RULES"]


def _contains(call: Call) -> Fix | None:
    """Null where the array has a null and not the value."""
    if call.kind() == "void":
        raise mismatch("NULL_TYPE", "Cannot resolve array_contains: null typed values cannot be used. Cast the null.")
    null = "exists($1, element_ -> isnull(element_))"
    return Fix(f"(array_contains($1, $2) OR if({null}, CAST(NULL AS BOOLEAN), false))", "boolean")


def _explode(call: Call) -> Fix | None:
    """Sail panics where a map is exploded."""
    if not call.kind().startswith("map"):
        return None
    return Fix(f"{call.name.replace('explode', 'inline')}(map_entries($1))")


def _raise(call: Call) -> Fix | None:
    """The error has a class, which the engine leaves out."""
    return Fix("raise_error(concat('[USER_RAISED_EXCEPTION] ', $1))") if len(call.operands) == 1 else None


PERCENTILE = (
    "try_element_at(array_sort(collect_list($1)), CAST(greatest(CAST(1 AS BIGINT), "
    "CAST(ceil(CAST($2 AS DOUBLE) * count($1)) AS BIGINT)) AS INT))"
)


def _percentiles(call: Call) -> Fix | None:
    """One for each share: `$1` is the column, the others are the shares."""
    each = [PERCENTILE.replace("$2", f"${number}") for number in range(2, len(call.operands) + 1)]
    return Fix(f"array({', '.join(each)})")


RULES = {
    "percentiles": Rule(_percentiles),
    "raise_error": Rule(_raise),
    "array_contains": Rule(_contains, (0,)),
    "explode": Rule(_explode, (0,)),
    "explode_outer": Rule(_explode, (0,)),
    "percentile_approx": untyped(PERCENTILE),
    "approx_percentile": untyped(PERCENTILE),
}
