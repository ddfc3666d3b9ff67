"""PATCH operations of SCIM (RFC 7644, section 3.5.2), applied to a resource as JSON."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from brickyard.workspace.identity.scim.errors import ScimError, bad
from brickyard.workspace.identity.scim.filters import item_filter
from brickyard.workspace.identity.scim.schema import Attribute, Schema, Shape

__all__ = ["apply_patch"]

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_PATH = re.compile(r"(?P<name>[^\[\].]+)(?:\[(?P<filter>.*)\])?(?:\.(?P<part>[^\[\].]+))?", re.DOTALL)
_UNPARSABLE = "Request is unparsable, syntactically incorrect, or violates schema."
_MOST = 1000
_ABSENT = object()


def apply_patch(schema: Schema, resource: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The resource after all operations of a PATCH body; the resource that is given stays as it is.

    Values are put where they belong, but not checked; that is done where the whole resource is read.

    Raises:
        ScimError: `invalidSyntax`, `invalidPath`, `invalidValue`, `invalidFilter`, `noTarget` or `mutability`.
    """
    operations = body.get("Operations")
    if not isinstance(operations, list) or not operations:
        raise bad("invalidSyntax", f"{_UNPARSABLE} `Operations` must be a list with at least one operation.")
    if len(operations) > _MOST:
        raise bad("tooMany", f"A request may have at most {_MOST} operations.")
    schemas = body.get("schemas", [PATCH_SCHEMA])
    if not isinstance(schemas, list) or PATCH_SCHEMA not in schemas:
        raise bad("invalidSyntax", f"{_UNPARSABLE} `schemas` must be [{PATCH_SCHEMA!r}].")
    changed = copy.deepcopy(dict(resource))
    for operation in operations:
        _apply(schema, changed, operation)
    return changed


def _apply(schema: Schema, resource: dict[str, Any], operation: Any) -> None:
    if not isinstance(operation, Mapping):
        raise bad("invalidSyntax", f"{_UNPARSABLE} Each operation must be an object.")
    op, path, value = operation.get("op"), operation.get("path"), operation.get("value", _ABSENT)
    if not isinstance(op, str) or op.lower() not in ("add", "remove", "replace"):
        raise bad("invalidSyntax", f"{_UNPARSABLE} `op` must be add, remove or replace, not {op!r}.")
    op = op.lower()
    if path is not None and not isinstance(path, str):
        raise bad("invalidPath", f"`path` must be text, not {path!r}.")
    if path:
        _at(schema, resource, op, path, value)
    elif op == "remove":
        raise bad("noTarget", "An operation `remove` needs a `path` that says what to remove.")
    elif not isinstance(value, Mapping):
        raise bad("invalidSyntax", f"{_UNPARSABLE} An operation without `path` needs an object as `value`.")
    else:
        for name, one in value.items():
            if name not in ("schemas", "meta"):
                _at(schema, resource, op, name, one)


def _at(schema: Schema, resource: dict[str, Any], op: str, path: str, value: Any) -> None:
    """Apply one operation at one path."""
    attribute, condition, part = _target(schema, path)
    if attribute.ignored:
        return
    if not attribute.changes:
        if value != resource.get(attribute.name):
            raise bad("mutability", f"{attribute.name} cannot be changed.")
        return
    if value is _ABSENT:  # the vendor's client leaves `false` out
        value = False if attribute.shape is Shape.FLAG and op != "remove" else None
    if op != "remove" and value is None:
        raise bad("invalidValue", f"The operation {op} on {path} needs a `value`.")
    if attribute.shape is Shape.LIST:
        if condition is not None:
            _change_items(resource, attribute, op, condition, part, value)
        else:
            _change_list(resource, attribute, op, value)
    elif attribute.shape is Shape.PARTS:
        _change_parts(resource, attribute, op, part, value)
    elif op == "remove":
        resource.pop(attribute.name, None)
        if attribute.shape is Shape.FLAG:
            raise bad("invalidValue", f"{attribute.name} cannot be removed; it is true or false.")
    else:
        resource[attribute.name] = value


def _target(schema: Schema, path: str) -> tuple[Attribute, str | None, str | None]:
    """The attribute, the filter and the part that a path names."""
    own = f"{schema.urn.lower()}:"
    found = _PATH.fullmatch(path[len(own) :] if path.lower().startswith(own) else path)
    attribute = schema.find(found["name"].strip()) if found else None
    if found is None or attribute is None:
        raise bad("invalidPath", f"{schema.noun} has no attribute at the path {path!r}.")
    part = found["part"]
    if part is not None:
        part = attribute.part(part)
        if part is None:
            raise bad("invalidPath", f"{attribute.name} has no part {found['part']!r}.")
    in_list = attribute.shape is Shape.LIST
    if (found["filter"] is not None) > in_list or (part is not None and in_list and found["filter"] is None):
        raise bad("invalidPath", f"The path {path!r} does not fit: {attribute.name} is {attribute.shape}.")
    return attribute, found["filter"], part


def _change_list(resource: dict[str, Any], attribute: Attribute, op: str, value: Any) -> None:
    present = list(resource.get(attribute.name) or [])
    if op == "remove" and not value:
        resource[attribute.name] = []
        return
    items = _items(attribute, value)
    if op == "remove":  # identity providers name what is to be removed so, and mean only that
        gone = {str(one.get("value")) for one in items}
        items = [one for one in present if one.get("value") not in gone]
    elif op == "add":
        known = {one.get("value") for one in present}
        items = present + [one for one in items if one.get("value") not in known]
    resource[attribute.name] = items


def _change_items(
    resource: dict[str, Any], attribute: Attribute, op: str, condition: str, part: str | None, value: Any
) -> None:
    """Change the objects of a list that match a filter."""
    matches = item_filter(attribute, condition)
    items = list(resource.get(attribute.name) or [])
    rest = [one for one in items if not matches(one)]
    if op == "remove":
        if part is not None and part != "value":
            raise bad("invalidPath", f"{part} of {attribute.name} cannot be removed; only whole objects can.")
        resource[attribute.name] = rest
        return
    found = [one for one in items if matches(one)]
    if not found:
        raise bad("noTarget", f"No object of {attribute.name} matches {condition!r}.")
    resource[attribute.name] = rest + ([{**one, part: value} for one in found] if part else _items(attribute, value))


def _change_parts(resource: dict[str, Any], attribute: Attribute, op: str, part: str | None, value: Any) -> None:
    parts = dict(resource.get(attribute.name) or {})
    if op == "remove":
        parts = {name: one for name, one in parts.items() if part is not None and name != part}
    elif part is not None:
        parts[part] = value
    elif isinstance(value, Mapping):
        named = {attribute.part(str(name)): one for name, one in value.items()}
        parts |= {name: one for name, one in named.items() if name is not None}
    else:
        raise _not_an_object(attribute)
    resource[attribute.name] = parts


def _items(attribute: Attribute, value: Any) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(one, Mapping) for one in items):
        raise _not_an_object(attribute)
    return [dict(one) for one in items]


def _not_an_object(attribute: Attribute) -> ScimError:
    return bad("invalidSyntax", f"{_UNPARSABLE} The value of {attribute.name} must be {attribute.shape}.")
