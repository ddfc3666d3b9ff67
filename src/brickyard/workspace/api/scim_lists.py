"""Lists of SCIM: filtered, sorted, a page at a time (RFC 7644, section 3.4.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from brickyard.workspace.identity.scim.errors import bad
from brickyard.workspace.identity.scim.filters import parse_filter, texts
from brickyard.workspace.identity.scim.schema import Schema
from brickyard.workspace.identity.scim.writing import selected

__all__ = ["answer_list"]

_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_MOST = 10_000


def answer_list(schema: Schema, resources: Sequence[Mapping[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
    """The page of resources that a request asked for.

    Args:
        schema: Of what kind they are.
        resources: What the caller may see, as JSON.
        query: `filter`, `sortBy`, `sortOrder`, `startIndex` (from 1), `count`, `attributes`, `excludedAttributes`.

    Raises:
        ScimError: `invalidFilter` or `invalidValue`.
    """
    if query.get("filter", "").strip():
        matches = parse_filter(schema, query["filter"])
        resources = [one for one in resources if matches(one)]
    if query.get("sortBy"):
        resources = _sorted(schema, resources, query["sortBy"], query.get("sortOrder", "ascending"))
    start = max(_number(query, "startIndex", 1), 1)
    page = resources[start - 1 : start - 1 + min(max(_number(query, "count", _MOST), 0), _MOST)]
    return {
        "totalResults": len(resources),
        "startIndex": start,
        "itemsPerPage": len(page),
        "schemas": [_LIST],
        "Resources": [selected(one, query.get("attributes"), query.get("excludedAttributes")) for one in page],
    }


def _sorted(
    schema: Schema, resources: Sequence[Mapping[str, Any]], name: str, order: str
) -> Sequence[Mapping[str, Any]]:
    if order not in ("ascending", "descending"):
        raise bad("invalidValue", f"sortOrder must be ascending or descending, not {order[:80]!r}.")
    first, _, rest = name.partition(".")
    attribute = schema.find(first)
    part = attribute.part(rest) if attribute and rest else None
    if attribute is None or (rest and part is None):
        raise bad("invalidValue", f"{schema.noun} has no attribute {name[:80]!r} to sort by.")

    def key(resource: Mapping[str, Any]) -> list[str]:
        return [value.casefold() for value in texts(attribute, part, resource)]

    return sorted(resources, key=key, reverse=order == "descending")


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise bad("invalidValue", f"{name} must be a whole number, not {text[:80]!r}.")
    return int(text)
