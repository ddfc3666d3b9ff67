"""Many runs of an experiment deleted, or brought back, at once; MLflow's own server has no such calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brickyard.workspace.clock import now

if TYPE_CHECKING:
    from brickyard.workspace.registry.tracking import Tracking

__all__ = ["MOST", "delete", "restore"]

#: How many runs one call may change, as with the vendor.
MOST = 10_000


def delete(tracking: Tracking, experiment_id: str, until: int, most: int) -> int:
    """Delete the runs that were started until a time, the oldest first; how many.

    Raises:
        ApiError: There is no such experiment.
    """
    from mlflow.store.tracking.dbmodels.models import SqlRun

    changes = {"lifecycle_stage": "deleted", "deleted_time": now()}
    chosen = (SqlRun.lifecycle_stage == "active", SqlRun.start_time <= until)
    return tracking.ask_now(lambda store: _change(store, experiment_id, chosen, SqlRun.start_time, most, changes))


def restore(tracking: Tracking, experiment_id: str, since: int, most: int) -> int:
    """Bring back the runs that were deleted since a time, the first to go first; how many.

    Raises:
        ApiError: There is no such experiment.
    """
    from mlflow.store.tracking.dbmodels.models import SqlRun

    changes = {"lifecycle_stage": "active", "deleted_time": None}
    chosen = (SqlRun.lifecycle_stage == "deleted", SqlRun.deleted_time >= since)
    return tracking.ask_now(lambda store: _change(store, experiment_id, chosen, SqlRun.deleted_time, most, changes))


def _change(store: Any, experiment_id: str, chosen: Any, order: Any, most: int, changes: dict[str, Any]) -> int:
    from mlflow.store.tracking.dbmodels.models import SqlRun

    store.get_experiment(experiment_id)
    with store.ManagedSessionMaker(read_only=False) as session:
        mine = session.query(SqlRun).filter(SqlRun.experiment_id == int(experiment_id), *chosen)
        found = mine.order_by(order, SqlRun.run_uuid).limit(most).all()
        for run in found:
            for name, value in changes.items():
                setattr(run, name, value)
    return len(found)
