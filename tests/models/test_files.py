"""Moving a model's files, where the connection breaks."""

from __future__ import annotations

from pathlib import Path

import pytest
from databricks.sdk.core import Config
from mlflow.exceptions import MlflowException

from brickyard.errors import BrickyardError
from brickyard.models.files import ModelFiles

SEVERAL = "The following failures occurred while downloading one or more artifacts from /Models/main/s/m/1:\n"
CUT = SEVERAL + "##### File MLmodel #####\n('Connection aborted.', RemoteDisconnected('closed without response'))"
ODD = SEVERAL + "##### File MLmodel #####\nsomething else"


@pytest.fixture(scope="module")
def files() -> ModelFiles:
    return ModelFiles(Config(host="http://127.0.0.1:1", token="t", retry_timeout_seconds=1), "main.s.m")


@pytest.mark.parametrize(("said", "kind"), [(CUT, "ConnectionFailed"), (ODD, "WorkspaceRefused")])
def test_a_download_that_fails_says_what_to_do_next(
    files: ModelFiles, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, kind: str
) -> None:
    def fail(**_: object) -> str:
        raise MlflowException(said)

    monkeypatch.setattr("brickyard.models.files_api.download", lambda *_: False)  # as for an older workspace
    monkeypatch.setattr("mlflow.artifacts.download_artifacts", fail)
    with pytest.raises(BrickyardError) as caught:
        files.download("1", tmp_path / "here")
    assert type(caught.value).__name__ == kind
    assert caught.value.next and caught.value.where == "main.s.m in http://127.0.0.1:1"
