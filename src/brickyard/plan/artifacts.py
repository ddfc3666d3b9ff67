"""Builds the project's wheels, again only when their sources changed, and puts them where jobs find them."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from brickyard.errors import DeploymentError
from brickyard.plan.sync import LocalFile, digest, local_files
from brickyard.project.paths import LOCAL
from brickyard.project.project import Artifact, Project

__all__ = ["build_artifacts", "with_uploaded_wheels"]

_OUTPUT_LINES = 30


def build_artifacts(project: Project, notice: Callable[[str], None]) -> None:
    """Build every wheel whose sources changed since it was built.

    Args:
        project: The project.
        notice: Is told what is built.

    Raises:
        DeploymentError: A build failed; has the end of what it printed.
    """
    for artifact in project.artifacts:
        sources = _sources(project, artifact)
        memo = project.root / ".brickyard" / "artifacts" / f"{artifact.key}.json"
        if _is_current(memo, _total(artifact, sources), project.root):
            continue
        notice(f"building {artifact.key}")
        try:
            _build(artifact)
            # Some builds leave files among their sources; one of a source that changed meanwhile is built again.
            after = _sources(project, artifact)
            built_from = after if after.items() >= sources.items() else sources
            _remember(memo, _total(artifact, built_from), _wheels(artifact), project.root)
        except OSError as error:
            message = f"the artifact '{artifact.key}' could not be built: {error}"
            raise DeploymentError(message, where=str(artifact.at), next="make room, or allow writing there") from error


def _sources(project: Project, artifact: Artifact) -> dict[str, str]:
    """The hashes of the files that a build may read: those below its directory."""
    return {
        file.path.relative_to(artifact.path).as_posix(): file.sha256
        for file in local_files(project).values()
        if file.path.is_relative_to(artifact.path)
    }


def _total(artifact: Artifact, sources: Mapping[str, str]) -> str:
    """One hash of a build's command and sources."""
    return hashlib.sha256(json.dumps([artifact.build, sorted(sources.items())]).encode()).hexdigest()


def _remember(memo: Path, sources: str, wheels: list[Path], root: Path) -> None:
    """Note what was built from which sources, in a directory that git leaves out."""
    memo.parent.mkdir(parents=True, exist_ok=True)
    (root / ".brickyard" / ".gitignore").write_text("*\n")
    built = {str(path.relative_to(root)): digest(path) for path in wheels}
    memo.write_text(json.dumps({"sources": sources, "wheels": built}, indent=1))


def _is_current(memo: Path, sources: str, root: Path) -> bool:
    try:
        known = json.loads(memo.read_text())
        wheels = known["wheels"].items()
        return known["sources"] == sources and all(digest(root / name) == sha256 for name, sha256 in wheels)
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def _build(artifact: Artifact) -> None:
    for old in (artifact.path / "dist").glob("*.whl"):
        old.unlink()
    command: str | list[str] = artifact.build or _default_build(artifact)
    done = subprocess.run(
        command,
        cwd=artifact.path,
        shell=isinstance(command, str),
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        shown = command if isinstance(command, str) else " ".join(command)
        output = "\n".join(f"    {line}" for line in done.stdout.splitlines()[-_OUTPUT_LINES:])
        raise DeploymentError(
            f"the artifact '{artifact.key}' could not be built: `{shown}` ended with {done.returncode}\n{output}",
            where=str(artifact.at),
            next="correct what the output above says, then deploy again",
        )


def _default_build(artifact: Artifact) -> list[str]:
    """Build with uv if it is there, else with pip; without isolation where the build's needs are installed."""
    installed = _needs_are_installed(artifact.path)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv:
        isolation = ["--no-build-isolation"] if installed else []
        return [uv, "build", "--wheel", "--out-dir", "dist", "--python", sys.executable, *isolation, "."]
    if importlib.util.find_spec("pip") is None:
        raise DeploymentError(
            f"nothing to build the artifact '{artifact.key}' with",
            where=str(artifact.at),
            next="install uv or pip, or give the artifact a `build` command",
        )
    isolation = ["--no-build-isolation"] if installed else []
    return [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", "dist", *isolation, "."]


def _needs_are_installed(path: Path) -> bool:
    """Whether the build backend can be imported here, so that nothing needs to be downloaded for it."""
    try:
        system = tomllib.loads((path / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]
        backend = str(system["build-backend"]).partition(":")[0]
        return len(system.get("requires", ())) == 1 and importlib.util.find_spec(backend) is not None
    except (OSError, KeyError, tomllib.TOMLDecodeError, ModuleNotFoundError):
        return False


def _wheels(artifact: Artifact) -> list[Path]:
    found = sorted((artifact.path / "dist").glob("*.whl"))
    if not found:
        raise DeploymentError(
            f"building the artifact '{artifact.key}' left no wheel in {artifact.path / 'dist'}",
            where=str(artifact.at),
            next="let its `build` command write the wheel to `dist`",
        )
    return found


def with_uploaded_wheels(
    config: Mapping[str, Any], project: Project, where: str
) -> tuple[dict[str, Any], dict[str, LocalFile]]:
    """Rewrite the local wheels of a job as paths of the workspace.

    Args:
        config: The job.
        project: The project it belongs to.
        where: The job's place in the files, for errors.

    Returns:
        The job, and the wheels to upload by the path they get.

    Raises:
        DeploymentError: A pattern matches no wheel, or more than one.
    """
    uploads: dict[str, LocalFile] = {}

    def moved(pattern: str) -> str:
        if not pattern.startswith(LOCAL):
            return pattern
        path = _only(project.root / pattern, pattern, where)
        remote = f"{project.workspace.artifact_path}/.internal/{path.name}"
        uploads[remote] = LocalFile(path, remote, remote, digest(path), path.stat().st_size)
        return remote

    job = json.loads(json.dumps(config))
    for task in job.get("tasks", ()):
        for library in task.get("libraries", ()):
            if "whl" in library:
                library["whl"] = moved(library["whl"])
    for environment in job.get("environments", ()):
        spec = environment.get("spec") or {}
        if "dependencies" in spec:
            spec["dependencies"] = [moved(item) for item in spec["dependencies"]]
    return job, uploads


def _only(path: Path, pattern: str, where: str) -> Path:
    found = sorted(path.parent.glob(path.name))
    if len(found) == 1:
        return found[0]
    names = ", ".join(item.name for item in found) or "no file"
    raise DeploymentError(
        f"'{pattern}' matches {names}",
        where=where,
        next="name exactly one wheel" if found else "build it first, or declare it under `artifacts`",
    )
