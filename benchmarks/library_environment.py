"""A library environment that was built before: how long a task waits for it, and a cluster that runs.

The environment has wheels of this benchmark's own, so that the first build needs no network: named by a requirement and
found in a directory, and by path. How long that first build takes is said too; it has no bar.
"""

from __future__ import annotations

import base64
import statistics
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from _timing import report, seconds
from noop_job import NOTEBOOK, Api, tasks, workspace

BAR = 0.3
WHEELS, MODULES = 10, 50
REQUIREMENTS = "/Workspace/Shared/requirements.txt"


def wheel(directory: Path, name: str, needs: str = "") -> Path:
    """A wheel with some modules."""
    path, info = directory / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
    requires = f"Requires-Dist: {needs}\n" if needs else ""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(MODULES):
            archive.writestr(f"{name}/module{number}.py", f"VALUE = {number}\n")
        archive.writestr(f"{name}/__init__.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: b\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def dependencies(api: Api, directory: Path) -> list[str]:
    """Lines of an environment: a wheel of the workspace, and others that are found in a directory."""
    for number in range(WHEELS):
        wheel(directory, f"bench{number}", f"bench{number + 1}" if number + 1 < WHEELS else "")
    own = wheel(directory, "benchown")
    place = f"/Shared/{own.name}"
    content = base64.b64encode(own.read_bytes()).decode()
    api.call("POST", "2.0/workspace/import", {"path": place, "format": "AUTO", "content": content, "overwrite": True})
    return [f"--find-links file:{directory}", "--no-index", "bench0==1.0", f"/Workspace{place}"]


def job(api: Api, notebook: str, lines: list[str]) -> int:
    """A job of one task that imports from its environment."""
    task: dict[str, Any] = {**tasks(notebook, 1)[0], "environment_key": "e"}
    environment = {"environment_key": "e", "spec": {"environment_version": "4", "dependencies": lines}}
    body = {"name": "libraries", "tasks": [task], "environments": [environment]}
    return int(api.call("POST", "2.2/jobs/create", body)["job_id"])


def cluster(api: Api) -> str:
    """A cluster that runs."""
    body = {"spark_version": "16.4.x-scala2.12", "node_type_id": "Standard_DS3_v2", "num_workers": 0}
    found = str(api.call("POST", "2.1/clusters/create", body)["cluster_id"])
    while api.call("GET", f"2.1/clusters/get?cluster_id={found}")["state"] != "RUNNING":
        time.sleep(0.05)
    return found


def install(api: Api, cluster_id: str, requirements: str) -> None:
    """Give a cluster its libraries, and wait until they are there."""
    library = {"requirements": requirements}
    api.call("POST", "2.0/libraries/install", {"cluster_id": cluster_id, "libraries": [library]})
    while True:
        (status,) = api.call("GET", f"2.0/libraries/cluster-status?cluster_id={cluster_id}")["library_statuses"]
        if status["status"] == "INSTALLED":
            return
        if status["status"] == "FAILED":
            raise RuntimeError(status["messages"])
        time.sleep(0.005)


def main() -> None:
    """Measure and print."""
    with workspace() as api, tempfile.TemporaryDirectory() as scratch:
        lines = dependencies(api, Path(scratch))
        plain = api.job(tasks(api.notebook("/Shared/nothing", NOTEBOOK), 1))
        importing = f"{NOTEBOOK}import bench9.module7, benchown\n"
        with_libraries = job(api, api.notebook("/Shared/importing", importing), lines)
        api.run(plain)
        begin = time.perf_counter()
        api.run(with_libraries)
        print(f"the first task with {WHEELS + 1} libraries, which builds them: {time.perf_counter() - begin:.3f} s")
        without = statistics.median(seconds(lambda: api.run(plain), runs=9))
        found = seconds(lambda: api.run(with_libraries), runs=9)
        content = base64.b64encode("\n".join(lines).encode()).decode()
        listed = {"path": REQUIREMENTS.removeprefix("/Workspace"), "format": "AUTO", "content": content}
        api.call("POST", "2.0/workspace/import", listed)
        first, others = cluster(api), [cluster(api) for _ in range(5)]
        install(api, first, REQUIREMENTS)
        on_clusters = [seconds(lambda one=one: install(api, one, REQUIREMENTS), runs=1, warmups=0)[0] for one in others]
    report("a task with libraries seen before, submit to end", found, BAR)
    report("of that, what the libraries take", [one - without for one in found], BAR)
    report("libraries seen before on a cluster that runs, until INSTALLED", on_clusters, BAR)


if __name__ == "__main__":
    main()
