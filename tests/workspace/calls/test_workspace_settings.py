"""Settings with a type of their own: the default catalog."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceConflict
from databricks.sdk.service.settings import DefaultNamespaceAPI, DefaultNamespaceSetting, StringMessage

from tests.workspace.calls.conftest import Robot

FAMILIES = (DefaultNamespaceAPI,)


def setting(name: str, etag: str | None = None) -> DefaultNamespaceSetting:
    return DefaultNamespaceSetting(StringMessage(name), etag=etag)


def test_every_operation(w: WorkspaceClient, name: Callable[[], str]) -> None:
    namespace, catalog = w.settings.default_namespace, name()
    w.catalogs.create(catalog)
    with pytest.raises(NotFound) as error:
        namespace.get()
    etag = error.value.details[0].metadata["etag"]
    set_ = namespace.update(True, setting(catalog, etag), "namespace.value")
    try:
        assert (set_.namespace.value, set_.setting_name) == (catalog, "default")
        assert namespace.get() == set_
        assert w.metastores.current().default_catalog_name == catalog
        with pytest.raises(ResourceConflict):
            namespace.update(True, setting("hive_metastore", etag), "namespace.value")
    finally:
        namespace.delete(etag=set_.etag)
    assert w.metastores.current().default_catalog_name == "main"
    with pytest.raises(NotFound):
        namespace.get()


def test_refusals(w: WorkspaceClient, robot: Robot) -> None:
    with pytest.raises(NotFound):
        w.settings.default_namespace.update(True, setting("nothing"), "namespace.value")
    with pytest.raises(BadRequest):
        w.settings.default_namespace.update(True, setting("main"), "etag")
    with pytest.raises(PermissionDenied):
        robot.client.settings.default_namespace.update(True, setting("main"), "namespace.value")
