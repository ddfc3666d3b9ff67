"""Tags, bindings, storage of catalogs and schemas, limits, lists of artifacts, and the schemas of `system`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import AlreadyExists, InvalidParameterValue, NotFound, NotImplemented, PermissionDenied
from databricks.sdk.service.catalog import (
    ArtifactAllowlistsAPI,
    ArtifactMatcher,
    ArtifactType,
    CatalogIsolationMode,
    EnablePredictiveOptimization,
    EntityTagAssignment,
    EntityTagAssignmentsAPI,
    MatchType,
    ResourceQuotasAPI,
    SystemSchemasAPI,
    WorkspaceBinding,
    WorkspaceBindingBindingType,
    WorkspaceBindingsAPI,
)

from tests.workspace.calls.conftest import Robot
from tests.workspace.catalog.conftest import make_table

FAMILIES = (ArtifactAllowlistsAPI, EntityTagAssignmentsAPI, ResourceQuotasAPI, SystemSchemasAPI, WorkspaceBindingsAPI)


def tag(kind: str, entity: str, key: str, value: str | None = None) -> EntityTagAssignment:
    return EntityTagAssignment(entity_name=entity, entity_type=kind, tag_key=key, tag_value=value)


def test_every_operation(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    catalog = name()
    w.catalogs.create(catalog, options={"o": "p"})
    make_table(w, f"{catalog}.default.t")
    tags(w, robot, catalog)
    bindings(w, catalog)
    metastore = w.metastores.current().metastore_id or ""
    states = {one.schema: one.state for one in w.system_schemas.list(metastore)}
    assert states["information_schema"] == "ENABLE_COMPLETED" and states["billing"] == "UNAVAILABLE"
    w.system_schemas.enable(metastore, "information_schema")
    w.system_schemas.disable(metastore, "billing")
    with pytest.raises(NotImplemented):
        w.system_schemas.enable(metastore, "billing")
    quota = w.resource_quotas.get_quota("SCHEMA", f"{catalog}.default", "table-quota").quota_info
    assert quota and (quota.quota_count, quota.quota_limit) == (1, 10_000)
    assert quota.quota_name in {one.quota_name for one in w.resource_quotas.list_quotas()}
    matcher = ArtifactMatcher("/Volumes/main/default/jars", MatchType.PREFIX_MATCH)
    w.artifact_allowlists.update(ArtifactType.LIBRARY_JAR, [matcher])
    assert w.artifact_allowlists.get(ArtifactType.LIBRARY_JAR).artifact_matchers == [matcher]
    assert not w.artifact_allowlists.get(ArtifactType.INIT_SCRIPT).artifact_matchers


def tags(w: WorkspaceClient, robot: Robot, catalog: str) -> None:
    api, table = w.entity_tag_assignments, f"{catalog}.default.t"
    made = api.create(tag("tables", table, "cost", "high"))
    assert (made.tag_key, made.tag_value, made.entity_type) == ("cost", "high", "tables")
    api.create(tag("columns", f"{table}.a", "pii"))
    api.create(tag("catalogs", catalog, "env", "dev"))
    with pytest.raises(AlreadyExists):
        api.create(tag("tables", table, "cost", "low"))
    api.update("tables", table, "cost", tag("tables", table, "cost", "low"), "tag_value")
    assert api.get("tables", table, "cost").tag_value == "low"
    assert [one.tag_key for one in api.list("columns", f"{table}.a")] == ["pii"]
    with pytest.raises(PermissionDenied):
        robot.client.entity_tag_assignments.create(tag("tables", table, "mine"))
    for wrong in (tag("columns", f"{table}.nothing", "x"), tag("tables", f"{table}t", "x")):
        with pytest.raises(NotFound):
            api.create(wrong)
    with pytest.raises(InvalidParameterValue):
        api.create(tag("tables", table, "a.b"))
    api.delete("tables", table, "cost")
    with pytest.raises(NotFound):
        api.get("tables", table, "cost")


def bindings(w: WorkspaceClient, catalog: str) -> None:
    assert w.catalogs.get(catalog).isolation_mode is CatalogIsolationMode.OPEN
    optimization = EnablePredictiveOptimization.DISABLE
    isolated = CatalogIsolationMode.ISOLATED
    changed = w.catalogs.update(catalog, isolation_mode=isolated, enable_predictive_optimization=optimization)
    assert (changed.isolation_mode, changed.enable_predictive_optimization) == (isolated, optimization)
    assert w.catalogs.get(catalog).options == {"o": "p"}
    own = w.get_workspace_id()
    assert w.workspace_bindings.get(catalog).workspaces == [own]
    assert w.workspace_bindings.update(catalog, assign_workspaces=[5]).workspaces == [own, 5]
    read_only = WorkspaceBinding(7, WorkspaceBindingBindingType.BINDING_TYPE_READ_ONLY)
    found = w.workspace_bindings.update_bindings("catalog", catalog, add=[read_only], remove=[WorkspaceBinding(5)])
    assert found.bindings == list(w.workspace_bindings.get_bindings("catalog", catalog))
    assert [one.workspace_id for one in found.bindings or []] == [own, 7]
    with pytest.raises(NotImplemented):
        w.workspace_bindings.update(catalog, unassign_workspaces=[own])


def test_storage_of_catalogs_and_schemas(
    w: WorkspaceClient, robot: Robot, name: Callable[[], str], tmp_path: Path
) -> None:
    location, catalog = name(), name()
    w.storage_credentials.create(location)
    w.external_locations.create(location, tmp_path.as_uri(), location)
    made = w.catalogs.create(catalog, storage_root=f"{tmp_path.as_uri()}/c", properties={"a": "b"})
    assert (made.storage_root, made.properties) == (f"{tmp_path.as_uri()}/c", {"a": "b"})
    assert (made.storage_location or "").startswith(f"{made.storage_root}/__unitystorage/catalogs/")
    w.schemas.create("s", catalog, storage_root=f"{tmp_path.as_uri()}/s", properties={"c": "d"})
    for schema, root in (("default", "c"), ("s", "s")):
        make_table(w, f"{catalog}.{schema}.t")
        place = w.tables.get(f"{catalog}.{schema}.t").storage_location or ""
        assert place.startswith(f"{tmp_path.as_uri()}/{root}/__unitystorage/schemas/")
        assert Path(place.removeprefix("file://"), "_delta_log").is_dir()
        w.tables.delete(f"{catalog}.{schema}.t")
        assert not Path(place.removeprefix("file://")).exists()
    with pytest.raises(NotFound):
        w.schemas.create("other", catalog, storage_root=(tmp_path.parent / "other").as_uri())
    with pytest.raises(NotImplemented):
        w.catalogs.create(name(), storage_root="s3://bucket/root")
