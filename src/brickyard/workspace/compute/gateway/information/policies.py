"""The rows of `information_schema.row_filters` and `column_masks`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from brickyard.workspace.compute.gateway.unity import UnityCatalog

__all__ = ["SOURCES"]

Row = dict[str, Any]
Source = Callable[[UnityCatalog, list[Row]], Iterator[Row]]


def _tables(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for above in catalogs:
        for schema in catalog.schemas(above["name"]):
            yield from catalog.table_wires(above["name"], schema["name"], columns=True)


def _row(wire: Row, prefix: str, function: str, columns: list[str]) -> Row:
    names = dict(zip((f"{prefix}_catalog", f"{prefix}_schema", f"{prefix}_name"), function.split("."), strict=True))
    table = {"catalog_name": wire["catalog_name"], "schema_name": wire["schema_name"], "table_name": wire["name"]}
    return {**table, **names, f"{prefix}_col_usage": ",".join(columns)}


def _row_filters(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for wire in _tables(catalog, catalogs):
        if found := wire.get("row_filter"):
            yield _row(wire, "filter", found["function_name"], found.get("input_column_names") or [])


def _column_masks(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
    for wire in _tables(catalog, catalogs):
        for column in wire.get("columns") or []:
            if mask := column.get("mask"):
                row = _row(wire, "mask", mask["function_name"], mask.get("using_column_names") or [])
                yield {**row, "column_name": column["name"], "mask_col_usage": row["mask_col_usage"] or None}


SOURCES: dict[str, Source] = {"row_filters": _row_filters, "column_masks": _column_masks}
