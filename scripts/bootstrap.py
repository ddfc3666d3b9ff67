"""Make the checkout's virtual environment from the pinned, hashed requirements; needs Python 3.11+ only."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEEDED = (3, 11)
REQUIREMENTS = ROOT / "requirements" / "dev.txt"


def main() -> None:
    """Create the environment, install what is pinned, then this checkout itself."""
    if sys.version_info[:2] < NEEDED:
        wanted, found = (".".join(map(str, version)) for version in (NEEDED, sys.version_info[:3]))
        sys.exit(f"error: Python {wanted} or newer is needed, {sys.executable} is {found}: make PYTHON=python{wanted}")
    directory = Path(sys.argv[1]).absolute()
    begin = time.monotonic()
    print(f"Installing Brickyard and its pinned dependencies into {directory.name} ...", flush=True)
    if not (directory / "bin" / "python").exists():
        _run(sys.executable, "-m", "venv", str(directory))
    python = str(directory / "bin" / "python")
    uv = _uv(python)
    _run(*uv, "pip", "sync", "--quiet", "--compile-bytecode", "--python", python, "--require-hashes", str(REQUIREMENTS))
    _run(*uv, "pip", "install", "--quiet", "--python", python, "--no-deps", "--editable", str(ROOT))
    print(f"Installed in {time.monotonic() - begin:.0f} s.", flush=True)


def _uv(python: str) -> list[str]:
    """Uv as it is installed, else from the package registry, with the hash that is pinned here."""
    if found := shutil.which("uv"):
        return [found]
    pinned = Path(python).parent.parent / "uv-requirement.txt"
    pinned.write_text(_pinned("uv"))
    _run(
        python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(pinned)
    )
    return [str(Path(python).parent / "uv")]


def _pinned(name: str) -> str:
    """The lines of one requirement: its version and hashes."""
    lines = REQUIREMENTS.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith(f"{name}=="))
    last = next((i for i in range(first + 1, len(lines)) if not lines[i].startswith(" ")), len(lines))
    return "\n".join(line for line in lines[first:last] if not line.strip().startswith("#")) + "\n"


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode != 0:
        sys.exit(f"error: `{' '.join(command)}` ended with {done.returncode}")


if __name__ == "__main__":
    main()
