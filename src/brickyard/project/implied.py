"""Makes it explicit where a resource lies in a schema or catalog of the same project that it names as plain text.

As in the vendor's tool: without it, a volume in the schema `flights` would stay there where development calls the
schema `dev_ann_flights`, and could be created before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from brickyard.project.source import Node

__all__ = ["with_implied_references"]

_IN_SCHEMAS = ("volumes", "registered_models")
_IN_CATALOGS = ("schemas", *_IN_SCHEMAS)


def with_implied_references(resources: Node, value: Callable[[Node], object]) -> Node:
    """Write references in place of names.

    Args:
        resources: The `resources` mapping as it was written, before presets change names.
        value: Gives the value of a field with its references filled in.
    """

    def text(item: Node, field: str) -> object:
        found = item.get(field)
        return value(found) if found is not None else None

    catalogs = {text(item, "name"): key for key, item in _group(resources, "catalogs").items()}
    schemas = {
        (text(item, "catalog_name"), text(item, "name")): key for key, item in _group(resources, "schemas").items()
    }

    def explicit(type_name: str, item: Node) -> Node:
        fields = {}
        catalog, schema = text(item, "catalog_name"), text(item, "schema_name")
        if type_name in _IN_SCHEMAS and catalog is not None and schema is not None and (catalog, schema) in schemas:
            fields["schema_name"] = _reference(item, "schema_name", f"schemas.{schemas[catalog, schema]}.name")
        if catalog is not None and catalog in catalogs:
            fields["catalog_name"] = _reference(item, "catalog_name", f"catalogs.{catalogs[catalog]}.name")
        return item.with_fields(**fields) if fields else item

    groups = {
        type_name: Node({key: explicit(type_name, item) for key, item in group.fields.items()}, group.at, group.key_at)
        for type_name, group in resources.fields.items()
        if type_name in _IN_CATALOGS and group.is_mapping
    }
    return resources.with_fields(**groups) if groups else resources


def _group(resources: Node, type_name: str) -> Mapping[str, Node]:
    group = resources.get(type_name)
    return group.fields if group is not None else {}


def _reference(item: Node, field: str, path: str) -> Node:
    written = item.fields[field]
    if isinstance(written.value, str) and "${resources." in written.value:
        return written
    return Node(f"${{resources.{path}}}", written.at)
