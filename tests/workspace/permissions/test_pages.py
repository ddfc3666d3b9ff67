"""What people who are no administrators are shown in the browser."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from databricks.sdk.service.catalog import DataSourceFormat, PermissionsChange, Privilege, TableType, VolumeType

from tests.workspace.permissions.objects import KINDS
from tests.workspace.permissions.people import Lab, Robot


@pytest.fixture
def browser(lab: Lab, other: Robot) -> Iterator[httpx.Client]:
    """Signed in as somebody who may do nothing yet."""
    with httpx.Client(base_url=lab.workspace.host, timeout=60) as client:
        assert client.post("/login", data={"token": other.token, "next": "/"}).status_code == 303
        yield client


def test_a_job_and_its_runs_are_shown_to_whom_they_were_granted(lab: Lab, other: Robot, browser: httpx.Client) -> None:
    job = KINDS["jobs"].make(lab, other)
    pages = [
        f"/jobs/{job.id}",
        f"/jobs/{job.id}/runs/{job.more['run_id']}",
        f"/jobs/{job.id}/runs/{job.more['attempt']}",
    ]
    assert pages[0] not in browser.get("/").text
    for page in pages:
        refused = browser.get(page)
        assert refused.status_code == 403 and "permissions on job" in refused.text
    lab.grant("jobs", job.id, "CAN_VIEW", other.ways["by a group"])
    assert [browser.get(page).status_code for page in pages] == [200, 200, 200]
    home = browser.get("/").text
    assert pages[0] in home and pages[1] in home


def test_an_endpoint_is_shown_to_whom_it_was_granted(lab: Lab, other: Robot, browser: httpx.Client) -> None:
    endpoint = KINDS["serving-endpoints"].make(lab, other)
    page = f"/ml/endpoints/{endpoint.name}"
    assert page not in browser.get("/").text and browser.get(page).status_code == 403
    lab.grant("serving-endpoints", endpoint.id, "CAN_VIEW", other.ways["directly"])
    assert page in browser.get("/").text and browser.get(page).status_code == 200


def test_an_experiment_is_shown_to_whom_it_was_granted(lab: Lab, other: Robot, browser: httpx.Client) -> None:
    experiment = KINDS["experiments"].make(lab, other)
    page = f"/ml/experiments/{experiment.id}"
    run = f"{page}/runs/{experiment.more['run']}"
    assert page not in browser.get("/ml/experiments").text
    assert [browser.get(one).status_code for one in (page, run)] == [403, 403]
    assert experiment.name not in browser.get(page).text
    assert experiment.container
    lab.grant(*experiment.container, "CAN_READ", other.ways["by a nested group"])
    assert page in browser.get("/ml/experiments").text
    assert [browser.get(one).status_code for one in (page, run)] == [200, 200]


def test_a_run_is_not_shown_by_the_name_of_another_experiment(lab: Lab, other: Robot, browser: httpx.Client) -> None:
    mine, theirs = (KINDS["experiments"].make(lab, other) for _ in range(2))
    lab.grant("experiments", mine.id, "CAN_READ", other.ways["directly"])
    assert browser.get(f"/ml/experiments/{mine.id}/runs/{theirs.more['run']}").status_code == 404


def test_data_is_shown_to_whom_it_was_granted(lab: Lab, other: Robot, browser: httpx.Client) -> None:
    catalog, w = lab.name("pages"), lab.w
    w.catalogs.create(catalog)
    w.schemas.create("s", catalog)
    w.volumes.create(catalog, "s", "v", VolumeType.MANAGED)
    w.registered_models.create(catalog_name=catalog, schema_name="s", name="m")
    pages = {
        "catalog": f"/explore/data/{catalog}",
        "schema": f"/explore/data/{catalog}/s",
        "volume": f"/explore/data/volumes/{catalog}/s/v",
        "model": f"/explore/data/models/{catalog}/s/m",
    }
    assert catalog not in browser.get("/").text
    assert {name: browser.get(page).status_code for name, page in pages.items()} == dict.fromkeys(pages, 403)
    for kind, name, privilege in (
        ("catalog", catalog, Privilege.USE_CATALOG),
        ("schema", f"{catalog}.s", Privilege.USE_SCHEMA),
        ("volume", f"{catalog}.s.v", Privilege.READ_VOLUME),
    ):
        w.grants.update(kind, name, changes=[PermissionsChange(add=[privilege], principal=other.name)])
    expected = {"catalog": 200, "schema": 200, "volume": 200, "model": 403}
    assert {name: browser.get(page).status_code for name, page in pages.items()} == expected
    assert pages["model"] not in browser.get(pages["schema"]).text
    assert pages["volume"] in browser.get("/").text
    assert browser.get(f"/explore/data/volumes/{catalog}/s/none").status_code in (403, 404)


def test_rows_are_for_whom_the_table_was_granted(lab: Lab, other: Robot, browser: httpx.Client) -> None:
    """Who owns a schema may see what is in it, and its tables' columns; who may not select sees no row."""
    import pyarrow
    from deltalake import write_deltalake

    catalog, w = lab.name("rows"), lab.w
    w.catalogs.create(catalog)
    w.schemas.create("s", catalog)
    directory = lab.workspace.root / "data" / "tables" / catalog / "s" / "t"
    write_deltalake(directory, pyarrow.table({"word": ["c4n4ry"]}))
    w.tables.create("t", catalog, "s", TableType.MANAGED, DataSourceFormat.DELTA, directory.as_uri())
    page = f"/explore/data/{catalog}/s/t"
    assert browser.get(page).status_code == 403
    for kind, name, privilege in (
        ("catalog", catalog, Privilege.USE_CATALOG),
        ("schema", f"{catalog}.s", Privilege.USE_SCHEMA),
        ("table", f"{catalog}.s.t", Privilege.MODIFY),
    ):
        w.grants.update(kind, name, changes=[PermissionsChange(add=[privilege], principal=other.name)])
    assert "c4n4ry" not in browser.get(page).text
    change = PermissionsChange(add=[Privilege.SELECT], principal=other.name)
    w.grants.update("table", f"{catalog}.s.t", changes=[change])
    assert "c4n4ry" in browser.get(page).text
