"""Candidate and champion each run on the code that came with them."""

import importlib
import sys

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import infer_signature

from brickyard.errors import ModelError
from brickyard.models.judge import Contestant, judge

INPUTS = pd.DataFrame({"x": [0.1, 0.4, 0.6, 0.9]})
LABELS = np.array([0.0, 0.0, 1.0, 1.0])
CODE = """
import mlflow.pyfunc

class Rule(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        x = model_input["x"].to_numpy()
        return {expression}
"""


@pytest.fixture
def contestant(tmp_path, monkeypatch):
    """Saves a model whose class is in a module `rule` that travels with it."""

    def save(name, expression):
        code = tmp_path / name / "rule.py"
        code.parent.mkdir()
        code.write_text(CODE.replace("{expression}", expression))
        with monkeypatch.context() as patched:
            patched.syspath_prepend(str(code.parent))
            module = importlib.import_module("rule")
            mlflow.pyfunc.save_model(
                tmp_path / name / "model",
                python_model=module.Rule(),
                code_paths=[str(code)],
                signature=infer_signature(INPUTS, np.array([0.5])),
                pip_requirements=["mlflow"],
            )
        del sys.modules["rule"]
        return Contestant("1", tmp_path / name / "model", name)

    return save


def test_two_versions_of_a_module_do_not_mix(contestant):
    good, bad = contestant("good", "x"), contestant("bad", "1 - x")
    path = list(sys.path)
    figures = [judge(one, INPUTS, LABELS, "classification", [0, 1])["roc_auc"] for one in (good, bad, good)]
    assert figures == [1.0, 0.0, 1.0]
    assert "rule" not in sys.modules
    assert sys.path == path


def test_a_model_that_fails_is_named_with_its_reason(contestant):
    broken = contestant("broken", "1 / 0")
    with pytest.raises(ModelError, match="broken failed on the evaluation rows: ZeroDivisionError") as failed:
        judge(broken, INPUTS, LABELS, "classification", [0, 1])
    assert failed.value.where == "code/rule.py, line 7, of the version's files"
