"""Whether the principal that a task runs as may run its notebook, and read its file and its libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import ApiError, PermissionDenied
from brickyard.workspace.jobs.kinds.base import Faulty
from brickyard.workspace.libraries.access import unreadable

if TYPE_CHECKING:
    from brickyard.workspace.compute.tasks import TaskSpec
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["check_sources"]


def check_sources(workspace: Workspace, spec: TaskSpec, principal: Principal) -> None:
    """Refuse a task whose code is not for the principal that it runs as; what is missing is said later.

    Raises:
        Faulty: The principal may not run the notebook, or not read the file or a library.
    """
    if principal.is_admin:
        return
    try:
        _check_all(workspace, spec, principal)
    except Faulty:
        what = f"run_id={spec.run_id} task_key={spec.task_key}"
        workspace.identity.audit.record_refusal(principal.user_name, "jobs.start_task", what)
        raise


def _check_all(workspace: Workspace, spec: TaskSpec, principal: Principal) -> None:
    if spec.mounts:  # the code is from a repository, which was asked with the principal's own credentials
        pass
    elif spec.kind == "notebook":
        what = f'Unable to access the notebook "{spec.source}" in the workspace.'
        _check(_may_run(workspace, spec.source, principal), what, "UNAUTHORIZED_ERROR", principal)
    elif spec.kind == "spark_python":
        what = f"Cannot read the python file {spec.source}."
        _check(_may_read(workspace, spec.source, principal), what, "UNAUTHORIZED_ERROR", principal)
    elif spec.kind == "dbt":
        what = f"Cannot read the dbt project {spec.source}."
        _check(_may_read(workspace, spec.source, principal), what, "UNAUTHORIZED_ERROR", principal)
    library = unreadable(workspace, spec.libraries, principal)
    what = f"Library installation failed for library due to user error: cannot read {library}."
    _check(library is None, what, "LIBRARY_INSTALLATION_ERROR", principal)


def _check(allowed: bool, what: str, code: str, principal: Principal) -> None:
    if not allowed:
        raise Faulty(
            f"{what} Either it does not exist, or the identity used to run this job, {principal.user_name},"
            " lacks the required permissions.",
            code,
        )


def _may_run(workspace: Workspace, path: str, principal: Principal) -> bool:
    try:
        workspace.files.access.require(principal, path, "CAN_RUN")
    except PermissionDenied:
        return False
    except ApiError:
        return True  # no path at all, as the worker will say
    return True


def _may_read(workspace: Workspace, path: str, principal: Principal) -> bool:
    try:
        workspace.files.place_access.require_read(principal, workspace.files.roots.located(path).path)
    except PermissionDenied:
        return False
    except ApiError:
        return True  # a path in none of the trees, or what does not exist, as the compute service will say
    return True
