"""Paths of Spark code never leave the workspace, and mean what they mean on Databricks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.paths import PathMapper

PIECES = st.sampled_from(
    ["..", ".", "", "a", "b c", "Volumes", "main", "default", "v", "dbfs", "%2e%2e", "~", "//", "\\..", "*"]
)
PREFIXES = st.sampled_from(
    [
        "",
        "/",
        "//",
        "dbfs:",
        "dbfs:/",
        "dbfs://",
        "/dbfs/",
        "/Volumes/main/default/v/",
        "file:/dbfs/",
        "file:/Volumes/main/default/v/",
    ]
)


@pytest.fixture(scope="module")
def mapper(tmp_path_factory: pytest.TempPathFactory) -> PathMapper:
    data = tmp_path_factory.mktemp("ws") / "data"
    (data / "volumes/main/default/v").mkdir(parents=True)
    (data / "dbfs").mkdir()
    (data / "volumes/main/default/v/out").symlink_to("/etc")
    (data / "dbfs/out").symlink_to("/etc")
    return PathMapper(data)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("dbfs:/x/y", "dbfs/x/y"),
        ("/dbfs/x/y", "dbfs/x/y"),
        ("/x/y", "dbfs/x/y"),
        ("x/y", "dbfs/x/y"),
        ("dbfs:///x", "dbfs/x"),
        ("file:/dbfs/x", "dbfs/x"),
        ("/Volumes/main/default/v/a.csv", "volumes/main/default/v/a.csv"),
        ("/Volumes/Main/Default/V/A.csv", "volumes/main/default/v/A.csv"),
        ("dbfs:/Volumes/main/default/v/d/", "volumes/main/default/v/d"),
        ("file:///Volumes/main/default/v/d", "volumes/main/default/v/d"),
        ("/a/../../../x", "dbfs/x"),
        ("/a b/c%20d", "dbfs/a b/c%20d"),
    ],
)
def test_a_path_means_its_place_in_the_workspace(mapper: PathMapper, path: str, place: str) -> None:
    assert mapper.to_local(path) == mapper.data / place


def test_a_file_path_is_the_drivers_own_disk(mapper: PathMapper, tmp_path: Path) -> None:
    assert mapper.to_local(f"file:{tmp_path}/x") == tmp_path / "x"
    assert mapper.to_local(f"file://{tmp_path}/x") == tmp_path / "x"


@pytest.mark.parametrize(
    ("path", "condition"),
    [
        ("/Volumes/main/default/nope/x", "UC_VOLUME_NOT_FOUND"),
        ("/Volumes/main", "INVALID_PATH"),
        ("", "INVALID_PATH"),
        ("a\0b", "INVALID_PATH"),
        ("s3://bucket/x", "UNSUPPORTED_BY_ENGINE"),
        ("abfss://c@a.dfs.core.windows.net/x", "UNSUPPORTED_BY_ENGINE"),
        ("dbfs:/out/passwd", "INSUFFICIENT_PERMISSIONS"),
        ("/Volumes/main/default/v/out/passwd", "INSUFFICIENT_PERMISSIONS"),
    ],
)
def test_a_wrong_path_is_an_error_by_name(mapper: PathMapper, path: str, condition: str) -> None:
    with pytest.raises(SparkError) as caught:
        mapper.to_local(path)
    assert caught.value.condition == condition


def test_a_link_below_a_wildcard_does_not_lead_out(mapper: PathMapper) -> None:
    (mapper.data / "volumes/main/default/other").mkdir()
    (mapper.data / "volumes/main/default/v/linked").symlink_to("../other")
    for path in ("/o*/passwd", "/Volumes/main/default/v/link*"):
        with pytest.raises(SparkError, match="INSUFFICIENT_PERMISSIONS"):
            mapper.existing(path)


def test_wildcards_and_alternatives_give_all_matches(mapper: PathMapper) -> None:
    for name in ("p1", "p2", "q1"):
        (mapper.data / "dbfs/g" / name).mkdir(parents=True, exist_ok=True)
    found = [place.name for place in mapper.existing("/g/{p,q}[1]")]
    assert found == ["p1", "q1"]
    with pytest.raises(SparkError, match="PATH_NOT_FOUND"):
        mapper.existing("/g/z*")


@given(PREFIXES, st.lists(PIECES | st.text(max_size=5), max_size=8))
def test_no_path_escapes_the_workspace(mapper: PathMapper, prefix: str, pieces: list[str]) -> None:
    try:
        place = mapper.to_local(prefix + "/".join(pieces))
    except SparkError:
        return
    root = mapper.data.resolve()
    file_scheme = (prefix + "/".join(pieces)).lower().startswith("file:")
    assert file_scheme or place.resolve().is_relative_to(root)
