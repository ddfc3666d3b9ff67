"""Kept plans: the next start needs none of the libraries, and a kept plan that does not fit is never used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from brickyard.scoring.model import load_model
from brickyard.scoring.plan import cache
from brickyard.scoring.plan.verify import same
from tests.scoring.plan import pipelines
from tests.scoring.plan.conftest import FamilyPath

FAMILY = "text labels, dense"
ASK = """
import json, sys
from brickyard.scoring.model import load_model
# Threads are capped in `load_model`, before numpy is there.
early = [name for name in ("numpy",) if name in sys.modules]
model = load_model(sys.argv[1])
values = json.loads(sys.argv[2])
from brickyard.scoring.online import Protocol
body = json.dumps({"dataframe_records": [values]}).encode()
answer = json.loads(Protocol(model).quick(body, "application/json").body)["predictions"]
loaded = [name for name in ("pandas", "sklearn", "mlflow", "scipy") if name in sys.modules]
print(json.dumps([model.rung, model.run_id, answer, early + loaded]))
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family_path: FamilyPath) -> Path:
    """The one plan that is kept, of the family's model."""
    monkeypatch.setenv("BRICKYARD_PLAN_CACHE", str(tmp_path / "kept"))
    load_model(family_path(FAMILY))
    (path,) = (tmp_path / "kept").iterdir()
    return path


def was_kept(model_path: Path) -> bool:
    return load_model(model_path)._pyfunc is None


def test_the_next_start_imports_no_library_and_answers_the_same(kept: Path, family_path: FamilyPath) -> None:
    row = pipelines.rows(1, seed=4).assign(gap=1.0)
    values = json.dumps({name: column.tolist()[0] for name, column in row.items()})
    command = [sys.executable, "-c", ASK, str(family_path(FAMILY)), values]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ})
    expected = load_model(family_path(FAMILY)).pyfunc.predict(row).tolist()
    assert json.loads(done.stdout) == ["plan", None, expected, []]


def test_what_a_kept_plan_declines_is_answered_by_pyfunc(kept: Path, family_path: FamilyPath) -> None:
    model = load_model(family_path(FAMILY))
    assert model.input_names == tuple(pipelines.COLUMNS) and "gap" not in model.required_names
    assert model._pyfunc is None
    frame = pipelines.rows(5, seed=4).assign(gap=1.0)
    without_gap = frame.drop(columns="gap")  # the signature allows that, as it had missing values
    assert model.plan is not None and model.plan.predict(without_gap) is None
    assert same(model.predict(without_gap), model.pyfunc.predict(frame))
    with pytest.raises(ValueError, match="NaN"):
        model.predict(frame.assign(n1=float("nan")))


@pytest.mark.parametrize("damage", [b"", b"BRICKYARD-PLAN", "cut", "flipped"])
def test_a_damaged_file_is_made_anew(damage: bytes | str, kept: Path, family_path: FamilyPath) -> None:
    assert was_kept(family_path(FAMILY))
    whole = kept.read_bytes()
    damaged = {"cut": whole[:-100], "flipped": whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:]}
    kept.write_bytes(damaged[damage] if isinstance(damage, str) else damage)
    assert not was_kept(family_path(FAMILY))
    assert was_kept(family_path(FAMILY)) and kept.read_bytes() == whole


def test_a_plan_of_another_version_is_not_found(
    kept: Path, family_path: FamilyPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_version", lambda name: "0.0.1" if name == "scikit-learn" else None)
    assert not was_kept(family_path(FAMILY))


def test_a_file_under_the_name_of_another_is_not_used(kept: Path, family_path: FamilyPath) -> None:
    load_model(family_path("float32"))
    (other,) = (path for path in kept.parent.iterdir() if path != kept)
    kept.write_bytes(other.read_bytes())
    assert not was_kept(family_path(FAMILY))


def test_a_cache_that_cannot_be_written_only_costs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family_path: FamilyPath
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BRICKYARD_PLAN_CACHE", str(tmp_path / "file" / "kept"))
    assert load_model(family_path("float32")).rung == "plan"


def test_the_model_stays_as_it_was_registered(kept: Path, family_path: FamilyPath) -> None:
    model = load_model(family_path(FAMILY))
    assert not any(path.suffix == ".plan" for path in model.path.rglob("*"))


def test_the_plans_used_longest_ago_go_first(
    kept: Path, family_path: FamilyPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_MOST_KEPT", 2)
    old = kept.with_name("old.plan")
    old.write_bytes(b"")
    os.utime(old, (1, 1))
    os.utime(kept, (2, 2))
    assert was_kept(family_path(FAMILY))
    load_model(family_path("float32"))
    assert kept.exists() and not old.exists() and len(list(kept.parent.glob("*.plan"))) == 2


def test_without_a_home_or_where_a_plan_cannot_be_written_a_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family_path: FamilyPath
) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    def refused(*words: object) -> None:
        raise TypeError("a plan cannot hold an array of datetime64[D]")

    monkeypatch.setenv("BRICKYARD_PLAN_CACHE", str(tmp_path / "kept"))
    with monkeypatch.context() as patch:
        patch.setattr(cache, "write", refused)
        assert load_model(family_path("float32")).rung == "plan"
    monkeypatch.setattr(cache, "cache_directory", nowhere)
    assert load_model(family_path("float32")).rung == "plan"


def test_a_plan_that_other_code_has_verified_is_not_found(
    kept: Path, family_path: FamilyPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_sources", lambda: "others")
    assert not was_kept(family_path(FAMILY))
