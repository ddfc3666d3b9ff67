"""What of the wanted libraries is there already."""

from __future__ import annotations

import functools
import importlib.metadata
import re
import shlex
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, canonicalize_version

from brickyard.runtime.redaction import passwords_in
from brickyard.workspace.compute.credentials import GitAccess, without_git_access

__all__ = [
    "Missing",
    "differing",
    "installed",
    "is_installed",
    "missing",
    "needed",
    "preloaded",
    "requirement_lines",
    "unfit",
    "versions",
]

#: What the fork server imports before any task: with another version of these or of what they need, a task has an
#: interpreter of its own.
_PRELOADED = (
    "databricks-sdk", "deltalake", "grpcio", "grpcio-status", "ipython", "mlflow-skinny", "orjson", "pandas", "pyarrow",
    "pysail", "pyspark-client", "scipy", "sqlglot",
)  # fmt: skip
#: What the runtime cannot do without in a task, whichever interpreter it runs in.
_RUNTIME = ("databricks-sdk", "grpcio-status", "ipython", "packaging", "psutil", "pyspark-client", "uv")
_RUNTIME_OWN = ("ipython", "pandas", "psutil", "sqlglot")
#: Of these it needs the very version; the first two are one package under two names.
_EXACT = {"pyspark": "pyspark-client", "pyspark-client": "pyspark-client", "pysail": "pysail"}
#: Options that say where packages are, by the name that files of requirements have for them.
_INDEXES = {
    "-i": "--index-url",
    "--index-url": "--index-url",
    "--default-index": "--index-url",
    "--extra-index-url": "--extra-index-url",
    "--index": "--extra-index-url",
    "-f": "--find-links",
    "--find-links": "--find-links",
}
#: Other options of pip that uv understands and that take a value.
_WITH_VALUE = ("--trusted-host", "--no-binary", "--only-binary", "-c", "--constraint")


@dataclass(frozen=True)
class Missing:
    """What has to be installed.

    Attributes:
        requirements: All that is wanted, as lines of a requirements file.
        wheels: Wheels; installing them is enough where `names` is empty.
        names: Requirements that installed packages and the wheels do not satisfy.
        options: Options for the installer.
        indexes: Where packages are, as lines of a requirements file; they may have passwords in them.
        git: What repositories are read with.
    """

    requirements: tuple[str, ...]
    wheels: tuple[str, ...]
    names: tuple[str, ...]
    options: tuple[str, ...]
    indexes: tuple[str, ...]
    git: tuple[GitAccess, ...]

    @property
    def secrets(self) -> frozenset[str]:
        """Passwords in addresses."""
        users = (f"https://{access.user}@" for access in self.git)
        return frozenset(passwords_in("\n".join([*self.requirements, *self.options, *self.indexes, *users])))


def missing(wanted: Sequence[str]) -> Missing:
    """Compare what is wanted with what is there."""
    asked = _lines(wanted)
    requirements = asked.requirements
    wheels = [line for line in requirements if _is_wheel(line)]
    offered = dict(map(_wheel_version, wheels))
    names: list[str] = []
    for line in requirements:
        needs = _wheel_needs(line) if _is_wheel(line) else [line]
        names += [need for need in needs if not _satisfied(need, offered, frozenset())]
    return Missing(
        tuple(requirements), tuple(wheels), tuple(names), tuple(asked.options), tuple(asked.indexes), tuple(asked.git)
    )


def is_installed(line: str) -> bool:
    """Whether exactly this `name==version` is among the packages of the workspace itself."""
    name, _, version = line.partition("==")
    return bool(version) and _version(name) == version.strip()


@functools.cache
def installed() -> tuple[str, ...]:
    """The packages of the workspace itself, as `name==version`."""
    found = {canonicalize_name(d.name): d.version for d in importlib.metadata.distributions() if d.name}
    return tuple(f"{name}=={version}" for name, version in sorted(found.items()) if name != "brickyard")


@functools.cache
def preloaded() -> tuple[str, ...]:
    """The packages that a task gets imported already, and those they need, as `name==version`."""
    return tuple(f"{name}=={version}" for name, version in sorted(_closure(_PRELOADED).items()))


@functools.cache
def needed() -> tuple[str, ...]:
    """What the runtime needs within a task, as requirements: other versions of it would break Spark or notebooks."""
    found = {f"{name}=={_version(own)}" for name, own in _EXACT.items() if _version(own)}
    for name in _closure(_RUNTIME):
        found |= {f"{need.name}{need.specifier}" for need in _needs(name, frozenset()) if need.specifier}
    own = (Requirement(text) for text in importlib.metadata.requires("brickyard") or [])
    found |= {f"{r.name}{r.specifier}" for r in own if canonicalize_name(r.name) in _RUNTIME_OWN}
    return tuple(sorted(found))


def _closure(names: Iterable[str]) -> dict[str, str]:
    """The versions of packages that are there, and of those they need."""
    closure: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        version = _version(name)
        if version is not None and name not in closure:
            closure[name] = version
            waiting += [r.name for r in _needs(name, frozenset())]
    return closure


def unfit(wheels: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Wheels that the runtime cannot work with, as `name==version`, each with what it needs instead."""
    for name, version in map(_wheel_version, wheels):
        for line in needed():
            requirement = Requirement(line)
            other = canonicalize_name(requirement.name) == name
            if other and not requirement.specifier.contains(version, prereleases=True):
                yield f"{name}=={version}", line


def versions(search_path: Iterable[str]) -> dict[str, str]:
    """The versions of the packages in some directories; the first directory counts."""
    found: dict[str, str] = {}
    for directory in search_path:
        for place in sorted(Path(directory).glob("*.dist-info")):
            name, _, version = place.name.removesuffix(".dist-info").partition("-")
            found.setdefault(canonicalize_name(name), canonicalize_version(version))
    return found


def differing(search_path: Iterable[str], than: Iterable[str] | None = None) -> dict[str, str]:
    """What some directories have other versions of.

    Args:
        search_path: The directories.
        than: The versions, as `name==version`; by default those that are imported before any task.
    """
    found = versions(search_path)
    imported = dict(line.split("==") for line in (preloaded() if than is None else than)) if found else {}
    return {
        name: version
        for name, version in found.items()
        if name in imported and version != canonicalize_version(imported[name])
    }


@dataclass(frozen=True)
class _Asked:
    """What is wanted, by what it is; see `Missing`."""

    requirements: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)
    git: list[GitAccess] = field(default_factory=list)

    def add(self, wanted: Iterable[str], directory: Path = Path()) -> None:
        """Take in requirements and options; files of requirements are read, of relative paths from a directory."""
        items = iter(wanted)
        for item in items:
            name, equals, value = item.partition("=")
            if name in ("-r", "--requirement"):
                place = directory / (value if equals else next(items, ""))
                self.add(_words(requirement_lines(place)), place.parent)
            elif name in _INDEXES:
                self.indexes.append(f"{_INDEXES[name]} {value if equals else next(items, '')}")
            elif item in _WITH_VALUE:
                self.options.extend([item, next(items, "")])
            elif item.startswith("-"):
                self.options.append(item)
            else:
                requirement, access = without_git_access(item)
                self.requirements.append(requirement)
                self.git.extend(access)


def _lines(wanted: Sequence[str]) -> _Asked:
    asked = _Asked()
    asked.add(wanted)
    return asked


def _words(lines: Iterable[str]) -> Iterator[str]:
    """Lines of requirements as they are, and lines of options word by word."""
    for line in lines:
        yield from shlex.split(line) if line.startswith("-") else [line]


def requirement_lines(path: Path) -> list[str]:
    """The lines of a file of requirements, without comments; a line that ends with a backslash goes on."""
    text = path.read_text().replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def _satisfied(text: str, offered: Mapping[str, str], seen: frozenset[str]) -> bool:
    """Whether an installed package, with all it needs, or one that is offered is what the requirement asks for."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:  # a path or an address: the installer knows
        return False
    name = canonicalize_name(requirement.name)
    if name in offered:
        return requirement.specifier.contains(offered[name], prereleases=True)
    if name in seen:
        return True
    version = _version(name)
    if requirement.url or version is None or not requirement.specifier.contains(version, prereleases=True):
        return False
    extras = frozenset(requirement.extras)
    return not extras or all(_satisfied(str(r), offered, seen | {name}) for r in _needs(name, extras))


def _needs(name: str, extras: frozenset[str]) -> list[Requirement]:
    found = [Requirement(text) for text in importlib.metadata.requires(name) or []]
    return [r for r in found if _applies(r, extras)]


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({"extra": extra}) for extra in (extras or frozenset({""})))


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _is_wheel(line: str) -> bool:
    """Whether it is a wheel on this machine; of one elsewhere the installer knows what it needs."""
    return line.endswith(".whl") and "://" not in line


def _wheel_version(path: str) -> tuple[str, str]:
    """The name and the version of a wheel, from the name of its file; version 0 where that has none."""
    name, _, rest = Path(path).name.partition("-")
    return canonicalize_name(name), rest.partition("-")[0] or "0"


def _wheel_needs(path: str) -> list[str]:
    """What a wheel requires; the file itself where it cannot be read, so that the installer says why."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
            metadata = HeaderParser().parsestr(archive.read(name).decode())
    except (OSError, zipfile.BadZipFile, StopIteration):
        return [path]
    found = [Requirement(text) for text in metadata.get_all("Requires-Dist") or []]
    return [_without_marker(requirement) for requirement in found if _applies(requirement, frozenset())]


def _without_marker(requirement: Requirement) -> str:
    plain = Requirement(str(requirement))
    plain.marker = None
    return str(plain)
