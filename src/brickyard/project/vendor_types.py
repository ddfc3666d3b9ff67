"""Derives the shapes of resources from the installed `databricks-sdk`: `python -m brickyard.project.vendor_types`."""

from __future__ import annotations

import importlib
import json
import sys
from importlib.metadata import version
from operator import attrgetter
from typing import Any

from brickyard import sdk
from brickyard.project.shape import derive
from brickyard.project.types import TYPES

__all__ = ["derived"]

_OWN = {"secret_scope": "brickyard.project.secret_scope"}
# The endpoint's name is given beside `config`; inside, it is the path parameter of an update.
_NOT_REQUIRED = (("serving.EndpointCoreConfigInput", "name"),)


def derived() -> str:
    """The content of `vendor_types.json` for the SDK that is installed."""
    sdk.install()
    shapes: dict[str, Any] = {}
    for kind in TYPES.values():
        module, _, name = kind.shape.partition(".")
        source = importlib.import_module(_OWN.get(module, f"databricks.sdk.service.{module}"))
        derive(attrgetter(name)(source), shapes)
    for shape, field in _NOT_REQUIRED:
        shapes[shape][field] = shapes[shape][field]._replace(required=False)
    data = {"databricks-sdk": version("databricks-sdk"), "shapes": shapes}
    return json.dumps(data, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(derived())
