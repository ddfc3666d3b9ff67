"""Storage credentials and external locations: made, shared, and never a way around a privilege."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, NotImplemented, PermissionDenied
from databricks.sdk.service.catalog import (
    AwsIamRoleRequest,
    AzureServicePrincipal,
    ColumnInfo,
    ColumnTypeName,
    DataSourceFormat,
    PathOperation,
    PermissionsChange,
    Privilege,
    TableInfo,
    TableType,
    ValidationResultResult,
    VolumeInfo,
    VolumeType,
)

from tests.support import LocalWorkspace
from tests.workspace.catalog.conftest import Place, Robot
from tests.workspace.catalog.conftest import make_table as make_managed

_numbers = itertools.count()


@pytest.fixture
def shelf(w: WorkspaceClient, tmp_path: Path) -> Iterator[str]:
    """An external location at a directory of this machine, whose name is that of its credential, too."""
    name = f"shelf{next(_numbers)}"
    w.storage_credentials.create(name)
    (tmp_path / "shelf").mkdir()
    w.external_locations.create(name, f"file:{tmp_path}/shelf", name)
    yield name
    w.storage_credentials.delete(name, force=True)


def grant(w: WorkspaceClient, kind: str, name: str, who: Robot, *privileges: Privilege) -> None:
    w.grants.update(kind, name, changes=[PermissionsChange(principal=who.name, add=list(privileges))])


def make_table(client: WorkspaceClient, place: Place, location: str) -> TableInfo:
    column = ColumnInfo(name="a", type_text="int", type_name=ColumnTypeName.INT, type_json='"integer"', position=0)
    where = {"catalog_name": place.catalog, "schema_name": "s"}
    kind, form = TableType.EXTERNAL, DataSourceFormat.DELTA
    return client.tables.create(
        "away", **where, table_type=kind, data_source_format=form, storage_location=location, columns=[column]
    )


def make_volume(client: WorkspaceClient, place: Place, location: str) -> VolumeInfo:
    return client.volumes.create(place.catalog, "s", "away", VolumeType.EXTERNAL, storage_location=location)


def test_secrets_of_a_credential_are_not_kept(w: WorkspaceClient) -> None:
    identity = AzureServicePrincipal("tenant", "application", "hidden")
    w.storage_credentials.create("azure", azure_service_principal=identity, comment="theirs")
    found = w.storage_credentials.get("azure")
    kept = found.azure_service_principal
    assert kept and kept.as_dict() == {"directory_id": "tenant", "application_id": "application"}
    w.storage_credentials.update("azure", new_name="azure2", read_only=True)
    assert w.storage_credentials.get("azure2").id == found.id and w.storage_credentials.get("azure2").read_only
    w.storage_credentials.delete("azure2")
    with pytest.raises(NotFound, match="Storage Credential 'azure2' does not exist"):
        w.storage_credentials.get("azure2")


def test_a_location_in_a_cloud_is_kept_and_its_use_refused(w: WorkspaceClient, place: Place) -> None:
    url = "abfss://raw@lake.dfs.core.windows.net/in"
    w.storage_credentials.create("lake", aws_iam_role=AwsIamRoleRequest("arn:aws:iam::1:role/r"))
    made = w.external_locations.create("lake", url + "/", "lake")
    assert (made.url, made.credential_name) == (url, "lake")
    tried = w.storage_credentials.validate(external_location_name="lake").results or []
    assert {one.result for one in tried} == {ValidationResultResult.SKIP}
    for use in (make_table, make_volume):
        with pytest.raises(NotImplemented, match="no way to abfss"):
            use(w, place, f"{url}/t")
    with pytest.raises(NotImplemented, match="no way to abfss"):
        w.temporary_path_credentials.generate_temporary_path_credentials(url, PathOperation.PATH_READ)
    with pytest.raises(BadRequest, match=r"not empty.*lake"):
        w.storage_credentials.delete("lake")
    w.external_locations.delete("lake")
    w.storage_credentials.delete("lake")


@pytest.mark.parametrize(
    "url", ["file:/", "file:{data}/dbfs", "file:{home}", "file:/no/such/place", "http://x/y", "in"]
)
def test_places_that_are_none(w: WorkspaceClient, workspace: LocalWorkspace, shelf: str, url: str) -> None:
    url = url.format(data=workspace.root / "data", home=workspace.home)
    with pytest.raises(InvalidParameterValue):
        w.external_locations.create("wrong", url, shelf)


def test_locations_do_not_overlap(w: WorkspaceClient, shelf: str) -> None:
    url = w.external_locations.get(shelf).url or ""
    for other in (f"{url}/below", url.rpartition("/")[0]):
        with pytest.raises(InvalidParameterValue, match=f"overlaps with the external location '{shelf}'"):
            w.external_locations.create("wrong", other, shelf)


def test_who_may_use_a_location(w: WorkspaceClient, robot: Robot, shelf: str) -> None:
    url, see = w.external_locations.get(shelf).url or "", robot.client
    read, write = PathOperation.PATH_READ, PathOperation.PATH_READ_WRITE
    paths = see.temporary_path_credentials
    assert shelf not in {one.name for one in see.external_locations.list()}
    with pytest.raises(PermissionDenied, match="READ FILES on External Location"):
        see.external_locations.get(shelf)
    with pytest.raises(PermissionDenied, match="READ FILES"):
        paths.generate_temporary_path_credentials(f"{url}/a", read)
    grant(w, "external_location", shelf, robot, Privilege.READ_FILES)
    assert shelf in {one.name for one in see.external_locations.list()}
    assert paths.generate_temporary_path_credentials(f"{url}/a", read).url == f"{url}/a"
    with pytest.raises(PermissionDenied, match="WRITE FILES"):
        paths.generate_temporary_path_credentials(f"{url}/a", write)
    grant(w, "external_location", shelf, robot, Privilege.WRITE_FILES)
    paths.generate_temporary_path_credentials(f"{url}/a", write)
    w.external_locations.update(shelf, read_only=True)
    with pytest.raises(PermissionDenied, match="read only"):
        paths.generate_temporary_path_credentials(f"{url}/a", write)
    with pytest.raises(PermissionDenied, match="CREATE EXTERNAL LOCATION on Metastore"):
        see.external_locations.create("mine", "file:/tmp", shelf)


def test_a_location_moves_only_to_where_its_credential_may_be_used(
    w: WorkspaceClient, robot: Robot, shelf: str, tmp_path: Path
) -> None:
    mine, other, url = robot.client.external_locations, f"{shelf}_other", f"{tmp_path.as_uri()}/moved"
    w.storage_credentials.create(other)
    (tmp_path / "moved").mkdir()
    w.external_locations.update(shelf, owner=robot.name)
    assert mine.update(shelf, comment="mine").comment == "mine"
    for asked, changed in ((other, {"credential_name": other}), (shelf, {"url": url})):
        with pytest.raises(PermissionDenied, match=f"CREATE EXTERNAL LOCATION on Storage Credential '{asked}'"):
            mine.update(shelf, **changed)
        grant(w, "storage_credential", asked, robot, Privilege.CREATE_EXTERNAL_LOCATION)
        if asked == shelf:
            assert mine.update(shelf, credential_name=shelf, url=url).url == url
    assert mine.update(shelf, credential_name=other).credential_name == other
    w.storage_credentials.delete(other, force=True)


def test_a_table_in_a_location(w: WorkspaceClient, robot: Robot, place: Place, shelf: str) -> None:
    url, see = w.external_locations.get(shelf).url or "", robot.client
    place.grant("catalog", robot, "USE_CATALOG", "USE_SCHEMA", "CREATE_TABLE")
    with pytest.raises(PermissionDenied, match="CREATE EXTERNAL TABLE on External Location"):
        make_table(see, place, f"{url}/t")
    grant(w, "external_location", shelf, robot, Privilege.CREATE_EXTERNAL_TABLE, Privilege.READ_FILES)
    made = make_table(w, place, f"{url}/t")
    assert (made.table_type, made.storage_location) == (TableType.EXTERNAL, f"{url}/t")
    with pytest.raises(PermissionDenied, match="SELECT on Table"):  # READ FILES is no way around
        see.temporary_path_credentials.generate_temporary_path_credentials(f"{url}/t", PathOperation.PATH_READ)
    with pytest.raises(BadRequest, match=r"not empty.*away"):
        w.external_locations.delete(shelf)
    w.tables.delete(made.full_name or "")
    assert make_table(see, place, f"{url}/t").owner == robot.name


def test_a_volume_in_a_location(w: WorkspaceClient, robot: Robot, place: Place, shelf: str, tmp_path: Path) -> None:
    url, see = w.external_locations.get(shelf).url or "", robot.client
    place.grant("catalog", robot, "USE_CATALOG", "USE_SCHEMA", "CREATE_VOLUME")
    with pytest.raises(PermissionDenied, match="CREATE EXTERNAL VOLUME on External Location"):
        make_volume(see, place, f"{url}/v")
    made = make_volume(w, place, f"{url}/v")
    assert (made.volume_type, made.storage_location) == (VolumeType.EXTERNAL, f"{url}/v")
    path = f"/Volumes/{place.catalog}/s/away/in/a.txt"
    w.files.upload(path, io.BytesIO(b"there"))
    assert (tmp_path / "shelf" / "v" / "in" / "a.txt").read_bytes() == b"there"
    with pytest.raises(PermissionDenied, match="READ VOLUME"):
        see.files.download(path)
    (tmp_path / "outside").write_text("no")
    (tmp_path / "shelf" / "v" / "leads").symlink_to(tmp_path / "outside")
    with pytest.raises(PermissionDenied, match="leaves"):
        w.files.download(f"/Volumes/{place.catalog}/s/away/leads")
    w.schemas.update(place.schema, new_name="s2")
    assert [one.name for one in w.files.list_directory_contents(f"/Volumes/{place.catalog}/s2/away/in")] == ["a.txt"]
    w.volumes.delete(f"{place.catalog}.s2.away")
    assert (tmp_path / "shelf" / "v" / "in" / "a.txt").exists()


def test_managed_storage_is_no_place_for_external_tables_and_volumes(
    w: WorkspaceClient, place: Place, shelf: str, tmp_path: Path
) -> None:
    root = f"{tmp_path.as_uri()}/shelf/root"
    w.schemas.create("kept", place.catalog, storage_root=root)
    make_managed(w, f"{place.catalog}.kept.t")
    kept = w.tables.get(f"{place.catalog}.kept.t").storage_location or ""
    assert kept.startswith(f"{root}/__unitystorage/")
    for taken in (kept, f"{kept}/below", f"{root}/__unitystorage/other", root):
        for use in (make_table, make_volume):
            with pytest.raises(InvalidParameterValue, match=r"overlaps with .*\.kept"):
                use(w, place, taken)
    assert make_volume(w, place, f"{root}/beside").storage_location == f"{root}/beside"


def test_a_storage_root_is_not_in_an_external_table_or_volume(
    w: WorkspaceClient, place: Place, shelf: str, tmp_path: Path
) -> None:
    url = f"{tmp_path.as_uri()}/shelf"
    for number, use in enumerate((make_table, make_volume)):
        use(w, place, f"{url}/{number}")
        for root in (f"{url}/{number}", f"{url}/{number}/below"):
            with pytest.raises(InvalidParameterValue, match=rf"overlaps with .*{place.schema}\.away"):
                w.schemas.create("kept", place.catalog, storage_root=root)
    assert w.schemas.create("kept", place.catalog, storage_root=url).storage_root == url  # beside them
