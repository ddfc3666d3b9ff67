"""Jobs in the database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.jobs.records import JobRecord, Json
from brickyard.workspace.store.jobs import jobs

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from brickyard.workspace.store import Store

__all__ = ["JobStore"]


class JobStore:
    """Keeps jobs; a deleted one stays for the runs it had, but is no longer found."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, job: JobRecord, connection: Connection | None = None) -> None:
        """Write a new job, in the given transaction or in one of its own."""
        values = {
            "job_id": job.job_id,
            "name": job.settings["name"],
            "creator": job.creator,
            "run_as": job.run_as,
            "created_at": job.created_at,
            "settings": json.dumps(job.settings),
            "listed": job.listed,
        }
        if connection is not None:
            connection.execute(insert(jobs).values(**values))
            return
        with self._store.write() as own:
            own.execute(insert(jobs).values(**values))

    def get(self, job_id: int) -> JobRecord:
        """The job of that id.

        Raises:
            InvalidParameterValue: There is none, or it was deleted.
        """
        with self._store.read() as connection:
            return find_job(connection, job_id)

    def change(self, job_id: int, settings: Json, run_as: str) -> None:
        """Replace a job's settings."""
        values = {"settings": json.dumps(settings), "name": settings["name"], "run_as": run_as}
        with self._store.write() as connection:
            find_job(connection, job_id)
            connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(**values))

    def delete(self, job_id: int) -> None:
        """Take a job out of sight.

        Raises:
            InvalidParameterValue: There is none, or it was deleted.
        """
        with self._store.write() as connection:
            find_job(connection, job_id)
            connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(listed=False))

    def page(
        self,
        *,
        name: str | None,
        before: int | None,
        after: int | None,
        offset: int | None,
        limit: int | None,
        only: Sequence[int] | None = None,
    ) -> list[JobRecord]:
        """Jobs, newest first: of that name (in any case), older than `before`, after `offset` of them, of `only`.

        With `after`, they are those next to it that are newer.
        """
        order = jobs.c.job_id.desc() if after is None else jobs.c.job_id
        query = select(jobs).where(jobs.c.listed).order_by(order).offset(offset).limit(limit)
        if name is not None:
            query = query.where(func.lower(jobs.c.name) == name.lower())
        if before is not None:
            query = query.where(jobs.c.job_id < before)
        if after is not None:
            query = query.where(jobs.c.job_id > after)
        if only is not None:
            query = query.where(jobs.c.job_id.in_(only))
        with self._store.read() as connection:
            found = [_record(row) for row in connection.execute(query)]
        return found if after is None else found[::-1]

    def all(self) -> list[JobRecord]:
        """Every job."""
        with self._store.read() as connection:
            return [_record(row) for row in connection.execute(select(jobs).where(jobs.c.listed))]

    def last_id(self) -> int:
        """The highest id in use, 0 where there is none."""
        with self._store.read() as connection:
            return connection.execute(select(func.max(jobs.c.job_id))).scalar() or 0


def find_job(connection: Connection, job_id: int) -> JobRecord:
    """The job of that id, read in the given transaction; the vendor answers a missing one as a wrong parameter.

    Raises:
        InvalidParameterValue: There is none, or it was deleted.
    """
    row = connection.execute(select(jobs).where(jobs.c.job_id == job_id, jobs.c.listed)).first()
    if row is None:
        raise InvalidParameterValue(f"Job {job_id} does not exist.")
    return _record(row)


def deleted_jobs(connection: Connection, job_ids: Iterable[int]) -> frozenset[int]:
    """Those of the jobs that were deleted."""
    query = select(jobs.c.job_id).where(jobs.c.job_id.in_(list(job_ids)), ~jobs.c.listed)
    return frozenset(connection.execute(query).scalars())


def has_repository(connection: Connection, git_url: str) -> bool:
    """Whether the code of some job is from a Git repository."""
    named = jobs.c.settings.contains(f'"git_url": {json.dumps(git_url)}', autoescape=True)
    return connection.execute(select(jobs.c.job_id).where(jobs.c.listed, named).limit(1)).first() is not None


def _record(row: Any) -> JobRecord:
    return JobRecord(row.job_id, row.creator, row.run_as, row.created_at, json.loads(row.settings), row.listed)
