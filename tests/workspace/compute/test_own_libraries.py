"""`%pip uninstall`: what a task has installed for itself goes, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.runtime.ending import NotSupported
from brickyard.workspace.compute.own_libraries import uninstall


def install(site: Path, name: str) -> None:
    """What an installer leaves of a package."""
    files = {f"{name}/__init__.py": "", f"{name}/deep/part.py": "", f"bin/{name}": "#!"}
    record = f"{name}-1.2.dist-info/RECORD"
    files[f"{name}-1.2.dist-info/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n"
    for path, content in {**files, record: "".join(f"{one},,\n" for one in [*files, record])}.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(content)


def test_only_what_is_named_is_removed(tmp_path: Path) -> None:
    install(tmp_path, "gone_lib")
    install(tmp_path, "kept")
    (tmp_path / "gone_lib" / "__pycache__").mkdir()
    (tmp_path / "gone_lib" / "__pycache__" / "x.pyc").touch()
    assert uninstall(["gone-lib", "never-there"], tmp_path) == (
        "Successfully uninstalled gone_lib-1.2\nWARNING: Skipping never-there as it is not installed.\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "kept", "kept-1.2.dist-info"]
    assert [path.name for path in (tmp_path / "bin").iterdir()] == ["kept"]


def test_libraries_of_the_runtime_stay(tmp_path: Path) -> None:
    with pytest.raises(NotSupported, match="%pip uninstall pandas: it belongs to the runtime"):
        uninstall(["pandas"], tmp_path)


def test_files_outside_of_the_task_s_directory_stay(tmp_path: Path) -> None:
    site, outside = tmp_path / "site", tmp_path / "outside.txt"
    outside.touch()
    install(site, "wide")
    record = site / "wide-1.2.dist-info" / "RECORD"
    record.write_text(record.read_text() + "../outside.txt,,\n")
    uninstall(["wide"], site)
    assert outside.exists() and not (site / "wide").exists()
