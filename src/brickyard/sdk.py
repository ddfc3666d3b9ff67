"""A lazy `databricks.sdk`: importing one service module no longer imports all forty of them.

`databricks/sdk/__init__.py` imports every service to define `WorkspaceClient`; that costs seconds on a slow
machine, at every start of a command or a server that needs one or two services. This module puts a package
object in its place which runs the library's own `__init__` only when one of its names is first used. The
library is not changed: `from databricks.sdk import WorkspaceClient` still works, and pays then.

Use it with `from brickyard import sdk` before the first import of `databricks.sdk`.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
from types import ModuleType

__all__ = ["install"]

_NAME = "databricks.sdk"


class _LazyPackage(ModuleType):
    """The `databricks.sdk` package, whose `__init__` runs when one of its names is first used."""

    _executed = False

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") or self.__spec__ is None or self.__spec__.loader is None:
            raise AttributeError(name)
        if importlib.util.find_spec(f"{_NAME}.{name}") is not None:
            return importlib.import_module(f"{_NAME}.{name}")
        if not self._executed:  # `__init__` itself asks for names while it runs
            self._executed = True
            self.__spec__.loader.exec_module(self)
            return getattr(self, name)
        raise AttributeError(f"module {_NAME!r} has no attribute {name!r}")


def install() -> None:
    """Put the lazy package in place; does nothing where `databricks.sdk` is already imported."""
    if _NAME in sys.modules:
        return
    import databricks

    spec = importlib.machinery.PathFinder.find_spec(_NAME, databricks.__path__)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("databricks-sdk is not installed", name=_NAME)
    package = _LazyPackage(_NAME)
    package.__path__ = spec.submodule_search_locations
    package.__spec__, package.__file__, package.__package__ = spec, spec.origin, _NAME
    sys.modules[_NAME] = package
    vars(databricks)["sdk"] = package


install()
