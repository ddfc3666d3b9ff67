"""No family that works is left out of these tests, and only what was answered counts as called."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.files import DbfsAPI
from databricks.sdk.service.settings import TokensAPI

import tests.workspace.calls as calls
from tests.workspace.calls.recording import missing, recorded, working


def test_every_family_that_works_has_a_test_of_every_operation() -> None:
    modules = [importlib.import_module(f"{calls.__name__}.{one.name}") for one in pkgutil.iter_modules(calls.__path__)]
    tested = {
        family.__name__ for module in modules if hasattr(module, "test_every_operation") for family in module.FAMILIES
    }
    assert tested == set(working())


def test_only_what_was_answered_counts(w: WorkspaceClient) -> None:
    with recorded() as done:
        list(w.tokens.list())
        w.dbutils.fs.mkdirs("/counted")
        w.users.list()  # an iterator that nobody asks sends nothing
        with pytest.raises(NotFound):
            DbfsAPI(w.api_client).get_status("/nothing at all")
    assert done == {"TokensAPI.list", "DbfsAPI.mkdirs"}
    assert missing([TokensAPI], done) == {"TokensAPI.create", "TokensAPI.delete", "TokensAPI.update"}
