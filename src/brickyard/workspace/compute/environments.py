"""Library environments of tasks, built with uv and cached by what is in them.

A task sees the packages of the workspace itself, and before them a directory with what it asked for. What is
satisfied already is not installed again, so that a wheel of one's own needs no network and no time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from brickyard.runtime.redaction import Redactor
from brickyard.workspace.compute import requirements as reading
from brickyard.workspace.compute.credentials import git_environment
from brickyard.workspace.compute.installers import kill, running
from brickyard.workspace.compute.requirements import Missing

__all__ = ["Environments", "LibraryError", "digest"]


class LibraryError(Exception):
    """Libraries could not be installed; the message is the installer's own."""


class Environments:
    """The environments of one workspace.

    Args:
        root: Where they are kept.
        environ: The variables of installers, and of the builds of packages that they start; by default this process's.
    """

    def __init__(self, root: Path, environ: Mapping[str, str] | None = None) -> None:
        self._root = root
        self._environ = os.environ if environ is None else environ
        self._installers: set[subprocess.Popen[str]] = set()

    def stop(self) -> None:
        """End the installers that this process has started; what they were to build is not there."""
        for installer in list(self._installers):
            kill(installer)

    def build(self, wanted: Sequence[str]) -> Path:
        """A directory with the libraries; the one that was built before for the same libraries, if there is one.

        Args:
            wanted: Requirements as pip reads them, and paths of wheels on this machine.

        Raises:
            LibraryError: A library does not exist, or does not go with the others or with the runtime.
        """
        return self._built(self._root / digest(wanted), lambda place: self.install(wanted, place))

    def _built(self, directory: Path, fill: Callable[[Path], object]) -> Path:
        if directory.is_dir():
            return directory
        self._root.mkdir(parents=True, exist_ok=True)
        with _locked(self._root / f"{directory.name}.lock"):
            if not directory.is_dir():
                self._build(directory, fill)
        return directory

    def build_apart(self, wanted: Sequence[str]) -> Path:
        """As `build`, but an environment with an interpreter of its own and nothing of the runtime.

        Raises:
            LibraryError: A library does not exist, or does not go with the others.
        """
        return self._built(self._root / f"{digest(wanted)}-apart", lambda place: self._install_apart(wanted, place))

    def _install_apart(self, wanted: Sequence[str], target: Path) -> None:
        asked = reading.missing(wanted)
        self._uv(["venv", "--no-project", "--allow-existing", str(target)], asked)
        with tempfile.TemporaryDirectory() as scratch:
            named = _written(Path(scratch) / "asked.txt", [*asked.indexes, *asked.requirements])
            command = ["pip", "install", "--no-progress", *asked.options, "--requirements", str(named)]
            self._uv(command, asked, str(target / "bin" / "python"))

    def _build(self, directory: Path, fill: Callable[[Path], object]) -> None:
        temporary = Path(tempfile.mkdtemp(dir=self._root, prefix=f"{directory.name}."))
        try:
            fill(temporary)
            temporary.replace(directory)
        except BaseException:
            shutil.rmtree(temporary)
            raise

    def install(self, wanted: Sequence[str], target: Path) -> str:
        """Install libraries into a directory; what the installer said.

        Raises:
            LibraryError: As for `build`.
        """
        missing = reading.missing(wanted)
        command = ["install", "--target", str(target), "--no-deps", "--no-progress", *missing.options]
        with tempfile.TemporaryDirectory() as scratch:
            if missing.names:
                pinned = self._resolve(missing, Path(scratch))
                chosen = [line for line in pinned if not reading.is_installed(line)]
                # In a file, for addresses may have passwords in them, and everybody can see a command line.
                named = _written(Path(scratch) / "chosen.txt", [*missing.indexes, *chosen])
                command += ["--requirements", str(named)]
            else:
                for wheel, need in reading.unfit(missing.wheels):
                    raise LibraryError(f"{wheel} is asked for, but {_needs(need)}")
                chosen = list(missing.wheels)
                command += chosen
            return self._uv(["pip", *command], missing) if chosen else "All requirements are satisfied already.\n"

    def _resolve(self, missing: Missing, scratch: Path) -> list[str]:
        """Every distribution that the libraries need, with the versions of the runtime where these will do."""
        asked = _written(scratch / "asked.in", [*missing.indexes, *missing.requirements])
        fixed = _written(scratch / "fixed.txt", reading.needed())
        result = _written(scratch / "result.txt", reading.installed())
        options = ["--constraint", str(fixed), "--output-file", str(result), *missing.options]
        command = ["pip", "compile", str(asked), "--no-header", "--no-annotate", "--no-progress", *options]
        try:
            self._uv(command, missing)
        except LibraryError as error:
            own = [line for line in reading.needed() if _is_in(line, str(error))]
            if not own:
                raise
            raise LibraryError(f"{error}\n{_needs(*own)}") from None
        return [line for line in result.read_text().splitlines() if line and not line.startswith("#")]

    def _uv(self, arguments: list[str], missing: Missing, python: str = sys.executable) -> str:
        from uv import find_uv_bin

        command = [find_uv_bin(), *arguments, "--python", python]
        environ = dict(self._environ) | git_environment(missing.git, self._environ)
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            text=True,
            env=environ,
            process_group=0,  # for `kill`
        ) as installer:
            self._installers.add(installer)
            try:
                with running(installer):
                    output, errors = installer.communicate()
            except BaseException:  # the task is stopped: what its signal does not reach would be waited for
                kill(installer)
                raise
            finally:
                self._installers.discard(installer)
        redactor = Redactor(missing.secrets)
        if installer.returncode != 0:
            said = redactor.redact((errors or output).strip())
            raise LibraryError(said or f"the installer uv ended with code {installer.returncode} and no message")
        return redactor.redact(output + errors)


def _is_in(line: str, text: str) -> bool:
    """Whether the installer speaks of a requirement."""
    requirement = Requirement(line)
    name = re.escape(canonicalize_name(requirement.name))
    return any(re.search(rf"\b{name}{re.escape(str(one))}(?![\w.])", text) for one in requirement.specifier)


def _needs(*requirements: str) -> str:
    return f"what executes tasks here needs {' and '.join(requirements)}: ask for a range that goes with it"


def _written(path: Path, lines: Iterable[str]) -> Path:
    """A file of lines that only its owner can read."""
    path.touch(mode=0o600)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def digest(wanted: Sequence[str]) -> str:
    """What the content of an environment depends on."""
    digested = hashlib.sha256(f"{platform.python_version()} {platform.machine()} {sys.platform}".encode())
    for line in sorted(reading.preloaded()):
        digested.update(f"\n{line}".encode())
    for item in wanted:
        content = Path(item).read_bytes() if item.endswith(".whl") and Path(item).is_file() else b""
        name = Path(item).name if content else item
        digested.update(f"\n{name} {hashlib.sha256(content).hexdigest()}".encode())
    return digested.hexdigest()[:32]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
