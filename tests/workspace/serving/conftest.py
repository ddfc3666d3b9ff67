"""The service with real models, real processes and a real database, and a registry that is a directory."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from brickyard.workspace.api.errors import PermissionDenied, ResourceAlreadyExists, ResourceDoesNotExist
from brickyard.workspace.identity import Principal
from brickyard.workspace.identity.permissions import Permissions
from brickyard.workspace.serving import Serving
from brickyard.workspace.serving.capture_settings import CaptureConfig
from brickyard.workspace.serving.channel import Reply
from brickyard.workspace.serving.replica import Replica
from brickyard.workspace.serving.routing import Request
from brickyard.workspace.store import Store
from tests.scoring import models
from tests.support import wait_for

MODEL = "main.flights.delay"
_TELLER = """
import os, sys
import mlflow


class Teller(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        print("loading with", os.environ["PIN"], file=sys.stderr)
        if os.environ["PIN"].startswith("bad"):
            raise ValueError(f"the pin {os.environ['PIN']} is wrong")

    def predict(self, context, model_input, params=None):
        if model_input["a"].iloc[0] < 0:
            raise ValueError(f"asked with {os.environ['PIN']}")
        return [sum(os.environ["PIN"].encode())] * len(model_input)


mlflow.models.set_model(Teller())
"""


@dataclass(frozen=True)
class Version:
    path: Path
    status: str = "READY"


class DirectoryRegistry:
    """Versions are directories; what an endpoint asks of a registry and no more."""

    def __init__(self) -> None:
        self.versions: dict[tuple[str, int], Version] = {}
        self.aliases: dict[tuple[str, str], int] = {}
        self.refused: set[str] = set()
        self.looked: Callable[[], object] = lambda: None

    def model_version(self, name: str, version: int) -> Version:
        self.looked()
        if (name, version) not in self.versions:
            raise ResourceDoesNotExist(f"no version {version} of {name}")
        return self.versions[name, version]

    def alias(self, name: str, alias: str) -> int | None:
        return self.aliases.get((name, alias))

    def require_execute(self, user: str, name: str) -> None:
        if user in self.refused:
            raise PermissionDenied(f"{user} does not have EXECUTE on {name}.")


class DictionarySecrets:
    """Values by scope and key; what an endpoint asks of the secrets and no more."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], bytes] = {}
        self.refused: set[str] = set()

    def require_read(self, principal: Principal, scope: str) -> None:
        """Everybody may refer to them; what is refused, is so when a process is to start."""

    def read_as(self, reader: str, scope: str, key: str, use: str) -> bytes:
        if reader in self.refused:
            raise PermissionDenied(f"{reader} does not have READ permission on scope {scope} to perform this action.")
        if (scope, key) not in self.values:
            raise ResourceDoesNotExist(f"Secret does not exist with scope: {scope} and key: {key}")
        return self.values[scope, key]


class DirectoryTables:
    """Tables are directories; what an endpoint asks of the catalog and no more."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.owners: dict[str, str] = {}

    def prepare(self, config: CaptureConfig, endpoint_id: str, owner: str) -> None:
        if self.owners.setdefault(config.table, endpoint_id) != endpoint_id:
            raise ResourceAlreadyExists(f"Table '{config.table}' already exists")

    def directory(self, name: str, endpoint_id: str) -> Path:
        return self.root / name

    def rows(self, name: str) -> list[dict[str, Any]]:
        from deltalake import DeltaTable

        if not DeltaTable.is_deltatable(str(self.root / name)):
            return []
        return DeltaTable(self.root / name).to_pyarrow_table().to_pylist()


ME = Principal(1, "me@example.org", "Me")
ADMIN = Principal(2, "admin@example.org", "Admin", is_admin=True)


class Bench:
    """A serving service and a loop to ask it from."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.registry = DirectoryRegistry()
        self.secrets = DictionarySecrets()
        self.tables = DirectoryTables(directory / "tables")
        self.store = Store(directory / "workspace.db")
        self.woken = threading.Event()
        self.serving = self.begin()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def begin(self) -> Serving:
        permissions, directory = Permissions(self.store), self.directory / "serving"
        url = "http://127.0.0.1:1"
        tables, wake = self.tables, self.woken.set
        return Serving(self.store, self.registry, self.secrets, permissions, tables, directory, url, wake)

    def restart(self) -> None:
        self.serving.close()
        self.serving = self.begin()
        self.serving.recover()

    def register(self, version: int, path: Path, *aliases: str) -> None:
        self.registry.versions[MODEL, version] = Version(path)
        for alias in aliases:
            self.registry.aliases[MODEL, alias] = version
            self.serving.alias_changed(MODEL, alias, version)

    def create(self, name: str, *versions: str, **body: Any) -> Any:
        config = {"served_entities": [{"entity_name": MODEL, "entity_version": version} for version in versions]}
        return self.serving.create({"name": name, "config": config, **body}, ME)

    def submit(self, name: str, frame: pd.DataFrame, entity: str | None = None) -> Any:
        plain = frame.astype(object).where(frame.notna(), None)
        split = {"columns": list(plain), "data": plain.to_numpy().tolist()}
        return self.send(name, {"dataframe_split": split}, entity=entity)

    def send(self, name: str, body: Any, by: Principal = ME, entity: str | None = None) -> Any:
        request = Request(json.dumps(body).encode(), "application/json", requester=by.user_name, entity=entity)
        return asyncio.run_coroutine_threadsafe(self.serving.query(name, request, by), self._loop)

    def ask(self, name: str, frame: pd.DataFrame | None = None, entity: str | None = None) -> tuple[Replica, Reply]:
        return self.submit(name, models.rows(1) if frame is None else frame, entity).result(60)

    def wait_ready(self, name: str, version: int) -> Any:
        def ready() -> Any:
            got = self.serving.get(name)
            serves = {model.model_version for model in got.config.served_models}
            return got if got.state.ready.value == "READY" and serves == {str(version)} else None

        return wait_for(ready, seconds=60)

    def close(self) -> None:
        self.serving.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.store.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


@pytest.fixture(scope="session")
def two_models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two boosters that predict differently."""
    directory = tmp_path_factory.mktemp("two")
    return models.booster(directory / "one", seed=1), models.booster(directory / "two", seed=2)


@pytest.fixture
def broken_model(two_models: tuple[Path, Path], tmp_path: Path) -> Path:
    """A model whose file is damaged."""
    broken = Path(shutil.copytree(two_models[0], tmp_path / "broken"))
    for file in broken.glob("model.*"):
        file.write_bytes(b"damaged")
    return broken


@pytest.fixture(scope="session")
def teller(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that answers a sum over its secret, and tells the secret in its log and its errors."""
    import mlflow.pyfunc
    from mlflow.models import infer_signature

    directory = tmp_path_factory.mktemp("teller")
    code = directory / "teller.py"
    code.write_text(_TELLER)
    signature = infer_signature(pd.DataFrame({"a": [1.0]}), [1])
    path = directory / "model"
    mlflow.pyfunc.save_model(str(path), python_model=str(code), signature=signature, pip_requirements=[])
    return path
