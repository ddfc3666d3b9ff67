"""One way to call a model: equal to pyfunc, from every kind of input, or not used."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from brickyard.errors import ModelError
from brickyard.scoring.model import load_model, model_digest
from tests.scoring import models
from tests.scoring.conftest import LoadedModel, ModelPath


@pytest.mark.parametrize("kind", models.KINDS)
def test_predicts_what_pyfunc_predicts(kind: str, loaded: LoadedModel) -> None:
    frame = models.mixed_rows(300, seed=5)
    model = loaded(kind)
    expected = pd.DataFrame(model.pyfunc.predict(frame))
    for given in (frame, pa.Table.from_pandas(frame), pa.RecordBatch.from_pandas(frame), frame.to_dict("list")):
        pd.testing.assert_frame_equal(pd.DataFrame(model.predict(given)), expected, check_exact=True)


@pytest.mark.parametrize(
    ("kind", "rung"),
    [
        ("booster", "plan"),
        ("classifier", "plan"),
        ("labels", "plan"),
        ("pipeline", "plan"),
        ("custom", "pyfunc"),
    ],
)
def test_says_how_it_predicts(kind: str, rung: str, loaded: LoadedModel) -> None:
    assert loaded(kind).rung == rung


def test_a_native_call_that_differs_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import lightgbm

    from brickyard.scoring.plan.trees_library import LightGBMLibrary

    right, load = lightgbm.Booster.predict, LightGBMLibrary._load

    def off_by_the_last_bit(self, data, **options):
        result = right(self, data, **options)
        return np.nextafter(result, 2) if isinstance(data, np.ndarray) else result

    def library_off_by_the_last_bit(self, library):
        predict = load(self, library)
        return lambda matrix: np.nextafter(predict(matrix), 2)

    model = models.booster(tmp_path / "model", seed=5)
    monkeypatch.setattr(LightGBMLibrary, "_load", library_off_by_the_last_bit)
    assert load_model(model).rung == "lightgbm"
    monkeypatch.setattr(lightgbm.Booster, "predict", off_by_the_last_bit)
    assert load_model(model).rung == "frame"


def test_the_input_is_not_changed(loaded: LoadedModel) -> None:
    frame = models.mixed_rows(20).assign(month=3.0)
    before = frame.copy()
    loaded("pipeline").predict(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_a_parameter_reaches_the_model(loaded: LoadedModel) -> None:
    frame = models.mixed_rows(5)
    once, twice = (loaded("custom").predict(frame, {"scale": scale})["delay"] for scale in (1.0, 2.0))
    np.testing.assert_allclose(twice - once, frame["n0"])


def test_a_path_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no file MLmodel") as caught:
        load_model(tmp_path)
    assert caught.value.where == str(tmp_path)


def test_a_model_that_needs_a_missing_module_says_which(model_path: ModelPath, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(model_path("custom"), tmp_path / "model"))
    code = next(broken.glob("*.py"))
    code.write_text("import surely_not_installed\n" + code.read_text())
    with pytest.raises(ModelError, match="surely_not_installed"):
        load_model(broken)


def test_the_digest_is_of_the_files(model_path: ModelPath, tmp_path: Path) -> None:
    here = model_path("booster")
    copy = Path(shutil.copytree(here, tmp_path / "copy"))
    (copy / "registered_model_meta").write_text("model_name: a\n")
    assert model_digest(copy) == model_digest(here)
    (copy / "extra").write_text("")
    assert model_digest(copy) != model_digest(here)


def test_bytes_moved_between_files_change_the_digest(tmp_path: Path) -> None:
    for name, parts in {"one": ("ab", "c"), "two": ("a", "bc")}.items():
        (tmp_path / name).mkdir()
        for file, text in zip("xy", parts, strict=True):
            (tmp_path / name / file).write_text(text)
    assert model_digest(tmp_path / "one") != model_digest(tmp_path / "two")
