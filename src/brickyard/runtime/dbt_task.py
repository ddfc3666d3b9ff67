"""dbt tasks: the commands of a dbt project, executed by the dbt of the task's libraries, or of the workspace's user.

dbt has an interpreter of its own, as what it depends on seldom goes with the libraries of a cluster.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from urllib.parse import urlsplit

from brickyard.runtime import dbt_program, paths
from brickyard.runtime.context import TaskContext
from brickyard.runtime.ending import Ending
from brickyard.runtime.redaction import Redactor

__all__ = ["ARTIFACTS_FILE", "run_dbt"]

#: What a project's commands leave in its directory `target`, in the directory of the run.
ARTIFACTS_FILE = "dbt-artifacts.tar.gz"
_NONE = (
    "dbt is not installed: add the library dbt-databricks to the task (libraries: pypi), or install dbt so that it is "
    "found on the PATH of the workspace"
)
#: https://docs.databricks.com/jobs/dbt.html : the profile that a task has which names a warehouse and no profile.
_PROFILE = """\
{name}:
  target: databricks
  outputs:
    databricks:
      type: databricks
      host: "{{{{ env_var('DBT_HOST') }}}}"
      http_path: "{{{{ env_var('DBT_HTTP_PATH') }}}}"
      token: "{{{{ env_var('DBT_ACCESS_TOKEN') }}}}"
      catalog: "{{{{ env_var('DBT_CATALOG') }}}}"
      schema: "{{{{ env_var('DBT_SCHEMA') }}}}"
      threads: 4
"""


def run_dbt(context: TaskContext) -> Ending:
    """Execute the task's commands, one after the other, in a copy of its project; the first that fails ends it."""
    source = paths.to_local(paths.full(context.source), context.mounts)
    if not (source / "dbt_project.yml").is_file():
        return Ending(error=f"There is no dbt_project.yml in {context.source}", code="RESOURCE_NOT_FOUND")
    interpreter = _interpreter(context)
    if interpreter is None:
        return Ending(error=_NONE, code="LIBRARY_INSTALLATION_ERROR")
    project = context.directory / "work" / "dbt"
    try:
        shutil.copytree(source, project, ignore=shutil.ignore_patterns("target", ".git"))
        environment = _environment(context, project)
        for command in context.arguments:
            code = _execute([interpreter, dbt_program.__file__, *shlex.split(command)[1:]], project, environment)
            if code != 0:
                return Ending(error=f"The command {command!r} ended with exit code {code}; its output says why")
    finally:
        _keep(project / "target", context.directory / ARTIFACTS_FILE, context.redactor)
        shutil.rmtree(project, ignore_errors=True)
    return Ending()


def _interpreter(context: TaskContext) -> str | None:
    """The Python that has dbt: that of the task's libraries, else that of the `dbt` which the user has."""
    for entry in context.search_path:
        own = Path(entry) / "bin" / "python"
        if own.exists():
            return str(own)
    found = shutil.which("dbt")
    if found is None:
        return None
    first = Path(found).read_bytes().partition(b"\n")[0]
    return first[2:].strip().decode() if first.startswith(b"#!/") else None


def _environment(context: TaskContext, project: Path) -> dict[str, str]:
    """The task's environment with what profiles refer to, and where the profile is."""
    host = urlsplit(context.api_url).hostname or ""
    own = {"DBT_HOST": host, "DBT_ACCESS_TOKEN": context.token, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    named = os.environ.get("DBT_PROFILES_DIR")
    if named is not None:
        own["DBT_PROFILES_DIR"] = str(project / named)
    else:
        own["DBT_PROFILES_DIR"] = str(context.directory / "dbt_profiles")
        _write_profile(project, Path(own["DBT_PROFILES_DIR"]))
    return dict(os.environ) | {"DBT_USE_COLORS": "false"} | own


def _write_profile(project: Path, directory: Path) -> None:
    import yaml

    name = yaml.safe_load((project / "dbt_project.yml").read_text()).get("profile", "default")
    directory.mkdir(exist_ok=True)
    (directory / "profiles.yml").write_text(_PROFILE.format(name=name))


def _execute(command: list[str], project: Path, environment: dict[str, str]) -> int:
    """Execute a command; its output comes as it is written."""
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(
        command, cwd=project, env=environment, stdout=pipe, stderr=both, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            sys.stdout.write(line)
    return process.returncode


def _keep(target: Path, archive: Path, redactor: Redactor) -> None:
    """Keep what dbt has made, without secrets: compiled SQL may have what `env_var` gave it."""
    if target.is_dir():
        for file in [one for one in target.rglob("*") if one.is_file()]:
            _redact(file, redactor)
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(target, "target")


def _redact(file: Path, redactor: Redactor) -> None:
    """Take secrets out of a text; a file that is none would be broken by that, and goes."""
    data = file.read_bytes()
    text = data.decode(errors="surrogateescape")
    clean = redactor.redact(text)
    if clean != text:
        try:
            file.write_bytes(clean.encode())
        except UnicodeEncodeError:
            file.unlink()
