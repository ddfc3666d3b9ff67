"""The checks, a module for each group or two."""

from __future__ import annotations

import importlib
import pkgutil

from tests.conformance.model import Check, Group

CHECKS: list[Check] = [
    check
    for module in pkgutil.iter_modules(__path__)
    for group in vars(importlib.import_module(f"{__name__}.{module.name}")).values()
    if isinstance(group, Group)
    for check in group.checks
]
