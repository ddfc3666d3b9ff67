"""Secrets that a task reads with the vendor's SDK are hidden as those are that it reads with dbutils."""

from __future__ import annotations

import base64
import sys
from collections.abc import Sequence
from functools import wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from brickyard.runtime import uses
from brickyard.runtime.context import current
from brickyard.runtime.redaction import texts_of

__all__ = ["install"]

_MODULE = "databricks.sdk.service.workspace"


class _Finder(MetaPathFinder):
    """Watches the SDK's module of secrets when it is imported."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The module as it is found otherwise, with its secrets watched."""
        spec = PathFinder.find_spec(name, path) if name == _MODULE else None
        if spec is None or spec.loader is None:
            return None
        loader: Any = spec.loader
        execute = loader.exec_module

        def execute_and_watch(module: ModuleType) -> None:
            execute(module)
            _watch(module)

        loader.exec_module = execute_and_watch
        return spec


def install() -> None:
    """Watch the SDK in this process, whether it has been imported or will be."""
    if _MODULE in sys.modules:
        _watch(sys.modules[_MODULE])
    else:
        sys.meta_path.insert(0, _Finder())


def _updated(api: Any, scope: str) -> dict[str, int]:
    from databricks.sdk.errors.base import DatabricksError

    try:
        return {one.key: one.last_updated_timestamp or 0 for one in api.list_secrets(scope)}
    except DatabricksError:  # as reading will say
        return {}


def _watch(module: Any) -> None:
    original = module.SecretsAPI.get_secret

    @wraps(original)
    def get_secret(self: Any, scope: str, key: str) -> Any:
        uses.reads_secrets(scope, key, lambda: _updated(self, scope))
        answer = original(self, scope, key)
        if answer.value:
            for text in texts_of(base64.b64decode(answer.value)):
                current().host.hide(text)
        return answer

    module.SecretsAPI.get_secret = get_secret
