"""The files of a model version by the Files API alone, where a workspace serves them there (`/Models/...`).

The MLflow client asks the same question and makes the same calls (`DatabricksSDKModelsArtifactRepository`, 3.17), but
to import it takes seconds. It also records lineage, which is of use where a run of the vendor's clusters is the reader.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from databricks.sdk.core import ApiClient, Config
    from databricks.sdk.mixins.files import FilesExt

__all__ = ["download"]

_QUESTION = "/api/2.0/mlflow/unity-catalog/registered-models:is-databricks-sdk-models-artifact-repository-enabled"
_YES = "is_databricks_sdk_models_artifact_repository_enabled"
_AT_ONCE = 8


def download(config: Config, name: str, version: str, directory: Path) -> bool:
    """Download all files of a version; False where the workspace does not serve them, or MLflow has more to do.

    Args:
        config: The SDK's configuration of the workspace.
        name: Full name of the registered model.
        version: The version.
        directory: Where to; it exists.

    Raises:
        databricks.sdk.errors.DatabricksError: The workspace refuses.
        OSError: A file cannot be kept here.
    """
    if "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return False
    from databricks.sdk.core import ApiClient
    from databricks.sdk.mixins.files import FilesExt

    api = ApiClient(config)
    if not _enabled(api):
        return False
    files, root = FilesExt(api, config), f"/Models/{name.lower().replace('.', '/')}/{version}"

    def fetch(path: str) -> None:
        target = directory / _inside(path, root)
        target.parent.mkdir(parents=True, exist_ok=True)
        contents = files.download(path).contents
        assert contents is not None
        with contents, target.open("wb") as file:
            shutil.copyfileobj(contents, file, 1 << 20)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(fetch, _walk(files, root)):
            pass
    return True


def _enabled(api: ApiClient) -> bool:
    from databricks.sdk.errors.base import DatabricksError

    try:
        answer = api.do("GET", _QUESTION)
    except DatabricksError:  # an older workspace, which MLflow asks for credentials of the storage
        return False
    return isinstance(answer, dict) and answer.get(_YES) is True


def _walk(files: FilesExt, directory: str) -> Iterator[str]:
    for entry in files.list_directory_contents(directory):
        path = entry.path or ""
        if entry.is_directory:
            yield from _walk(files, path)
        else:
            yield path


def _inside(path: str, root: str) -> str:
    inside = path.removeprefix(f"{root}/")
    if inside == path or ".." in inside.split("/"):
        raise ValueError(f"the workspace lists a file that is not in {root}: {path}")
    return inside
