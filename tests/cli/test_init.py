"""`brickyard init` gives a project that is complete and never overwrites one."""

from __future__ import annotations

from pathlib import Path

from tests.support import WorkspaceHome

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "flights"


def test_the_project_is_the_example(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    workspaces.run("init", "--template", "flights", "--output-dir", "mine", cwd=tmp_path)
    made = {p.relative_to(tmp_path / "mine") for p in (tmp_path / "mine").rglob("*") if p.is_file()}
    wanted = {Path("databricks.yml"), Path("brickyard.yml"), Path("src/flights/model.py"), Path("notebooks/train.py")}
    assert wanted <= made
    assert all((EXAMPLE / name).read_bytes() == (tmp_path / "mine" / name).read_bytes() for name in made)


def test_a_directory_with_files_is_left_alone(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep me")
    done = workspaces.run("init", "--output-dir", "mine", cwd=tmp_path, check=False)
    assert done.returncode == 2 and "not empty" in done.stderr
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    done = workspaces.run("init", "--output-dir", "mine/notes.txt", cwd=tmp_path, check=False)
    assert done.returncode == 2 and "mine/notes.txt is a file" in done.stderr
