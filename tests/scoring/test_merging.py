"""A merge replaces the rows with known keys, leaves all others as they were, and writes few files again."""

from __future__ import annotations

import pandas as pd
import pytest

from brickyard.scoring.batch import score_table
from tests.scoring.conftest import LoadedModel, ModelPath
from tests.scoring.models import mixed_rows
from tests.scoring.warehouse import Warehouse, job

KIND, OLD, NEW = "booster", range(0, 60), range(50, 70)


@pytest.fixture(scope="module")
def model(warehouse: Warehouse, model_path: ModelPath) -> str:
    return warehouse.register(model_path(KIND))


def rows(ids: range, keys: tuple[str, ...], seed: int) -> pd.DataFrame:
    frame = mixed_rows(len(ids), seed)
    named = {
        "id`s": list(ids),
        "n ame": [f"né {number % 7}" for number in ids],
        "label": [f"2026-{number:03}" for number in ids],
    }
    named["at"] = list(pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(list(ids), "D"))
    return frame.assign(**{name: named[name] for name in keys})


@pytest.mark.parametrize("keys", [("id`s",), ("n ame", "id`s"), ("id`s", "at"), ("label",)])
@pytest.mark.parametrize("how", ["merge", "incremental", "with change data"])
def test_known_keys_are_replaced_and_other_rows_stay(
    warehouse: Warehouse, model: str, loaded: LoadedModel, keys: tuple[str, ...], how: str
) -> None:
    output, old, new = warehouse.unused("out"), rows(OLD, keys, 1), rows(NEW, keys, 2)
    score_table(warehouse.connection, job(model, warehouse.table(old), output, keys, columns=("carrier",)))
    table = warehouse.delta(output)
    if how == "with change data":
        table.alter.set_table_properties({"delta.enableChangeDataFeed": "true"})
    elif how == "incremental":
        table.update({"model_version": "'0'"})
    before = warehouse.delta(output).to_pandas()
    mode = "incremental" if how == "incremental" else "merge"
    done = score_table(
        warehouse.connection, job(model, warehouse.table(new), output, keys, columns=("carrier",), mode=mode)
    )
    assert done.rows == len(NEW)
    got = warehouse.delta(output).to_pandas().sort_values(list(keys), ignore_index=True)
    stays = before[~before.set_index(list(keys)).index.isin(new.set_index(list(keys)).index)]
    come = new[[*keys, "carrier"]].assign(prediction=loaded(KIND).pyfunc.predict(new), model_name=model)
    expected = pd.concat([stays, come]).sort_values(list(keys), ignore_index=True)
    names = [*keys, "carrier", "prediction", "model_name"]
    pd.testing.assert_frame_equal(got[names], expected[names], check_exact=True, check_dtype=False)
    replaced = got["scored_at"] != before["scored_at"].iloc[0]
    assert replaced.sum() == len(NEW) and list(got[~replaced]["model_version"]) == list(stays["model_version"])


def test_files_without_these_keys_are_not_written_again(warehouse: Warehouse, model: str) -> None:
    output, keys = warehouse.unused("out"), ("id`s",)
    for ids in (range(0, 30), range(30, 60), range(60, 90)):
        score_table(warehouse.connection, job(model, warehouse.table(rows(ids, keys, 1)), output, keys))
    before = set(warehouse.delta(output).file_uris())
    score_table(warehouse.connection, job(model, warehouse.table(rows(range(35, 40), keys, 2)), output, keys))
    after = set(warehouse.delta(output).file_uris())
    assert len(before) == 3 and len(before & after) == 2
    assert sorted(warehouse.delta(output).to_pandas()["id`s"]) == list(range(90))
