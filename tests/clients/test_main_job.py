"""The main job's calls by the official clients, from an environment that does not contain brickyard."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.support import WorkspaceHome

pytestmark = pytest.mark.timeout(300)

SCRIPT = Path(__file__).with_name("main_job.py")


@pytest.fixture(scope="module")
def client_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that sees every installed library but brickyard."""
    root = tmp_path_factory.mktemp("client")
    venv.create(root / "venv", with_pip=False, symlinks=True)
    libraries = root / "libraries"
    libraries.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if "brickyard" not in entry.name.lower() and entry.suffix != ".pth":
            (libraries / entry.name).symlink_to(entry)
    site = next((root / "venv" / "lib").glob("python*/site-packages"))
    (site / "libraries.pth").write_text(f"{libraries}\n")
    return root / "venv" / "bin" / "python"


def test_the_client_environment_does_not_contain_brickyard(client_python: Path) -> None:
    done = subprocess.run([client_python, "-I", "-c", "import brickyard"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "No module named 'brickyard'" in done.stderr
    assert Path(sys.executable) != client_python


def test_every_call_of_the_main_job(client_python: Path, workspaces: WorkspaceHome, tmp_path: Path) -> None:
    workspace = workspaces.start("clients")
    done = subprocess.run(
        [client_python, "-I", SCRIPT],  # not even by PYTHONPATH
        env=workspace.environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("ALL OK")
    assert _files_with(workspace.root, b"canary-of-the-client") == []


def _files_with(root: Path, value: bytes) -> list[str]:
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path.relative_to(root)) for path in files if value in path.read_bytes()]
