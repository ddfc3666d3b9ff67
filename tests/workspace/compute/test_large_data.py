"""Large data: kept in the engine in parts, and given to clients in parts."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from pyspark.sql.connect.proto import base_pb2, relations_pb2

from brickyard.workspace.compute.gateway import batches, kept, literals


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that little data passes."""
    monkeypatch.setattr(kept, "SMALL_BYTES", 100)
    monkeypatch.setattr(kept, "PART_BYTES", 4000)
    monkeypatch.setattr(batches, "LARGEST_BYTES", 4000)


def rows(relation: relations_pb2.Relation) -> pa.Table:
    return pa.ipc.open_stream(relation.local_relation.data).read_all()


@pytest.mark.usefixtures("small")
def test_large_local_data_is_kept_in_parts_that_know_their_order() -> None:
    local = literals.table(pa.table({"n": range(1000)})).local_relation
    local.schema = json.dumps({"type": "struct", "fields": [{"name": "n", "type": "long", "nullable": True}]})
    views: dict[str, relations_pb2.Relation] = {}
    plan = kept.kept(local, "key", views.__setitem__)
    parts = pa.concat_tables(rows(view) for view in views.values())
    assert len(views) > 2 and all(len(view.local_relation.data) < 6000 for view in views.values())
    assert parts.column("__row").to_pylist() == parts.column("n").to_pylist() == list(range(1000))
    assert [one["name"] for one in json.loads(next(iter(views.values())).local_relation.schema)["fields"]] == [
        "__row",
        "n",
    ]
    assert plan.drop.column_names == ["__row"] and plan.drop.input.sort.is_global


def answer(data: pa.Table) -> bytes:
    made = base_pb2.ExecutePlanResponse(response_id="r")
    made.arrow_batch.row_count = data.num_rows
    made.arrow_batch.data = literals.table(data).local_relation.data
    return bytes(made.SerializeToString())


@pytest.mark.usefixtures("small")
def test_a_large_batch_comes_in_several_whose_rows_are_those_of_the_one() -> None:
    data = pa.table({"n": range(1500)})
    parts = [base_pb2.ExecutePlanResponse.FromString(raw) for raw in batches.in_parts(answer(data), divisible=False)]
    found = [pa.ipc.open_stream(part.arrow_batch.data).read_all() for part in parts]
    assert len(parts) > 2 and pa.concat_tables(found).equals(data)
    assert [part.arrow_batch.start_offset for part in parts] == [500 * place for place in range(len(parts))]
    assert parts[-1].response_id == "r" and len({part.response_id for part in parts}) == len(parts)


@pytest.mark.usefixtures("small")
def test_a_large_value_comes_in_pieces_to_a_client_that_takes_them() -> None:
    data = pa.table({"text": ["x" * 10_000]})
    parts = [base_pb2.ExecutePlanResponse.FromString(raw) for raw in batches.in_parts(answer(data), divisible=True)]
    whole = b"".join(part.arrow_batch.data for part in parts)
    assert pa.ipc.open_stream(whole).read_all().equals(data)
    assert [part.arrow_batch.chunk_index for part in parts] == [0, 1, 2]
    assert {part.arrow_batch.num_chunks_in_batch for part in parts} == {3}
