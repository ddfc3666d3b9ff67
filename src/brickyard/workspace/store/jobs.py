"""Tables of jobs, their runs, and the runs of their tasks. Times are epoch milliseconds; JSON is kept as text."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from brickyard.workspace.store.base import metadata

__all__ = ["jobs", "runs", "task_runs"]

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False),
    Column("creator", String, nullable=False),
    Column("run_as", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("settings", Text, nullable=False),
    Column("listed", Boolean, nullable=False),  # false once deleted, and for what was submitted without a job
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    Column("job_id", BigInteger, nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("creator", String, nullable=False),
    Column("run_as", String, nullable=False),
    Column("run_type", String, nullable=False),
    Column("request", Text, nullable=False),
    Column("settings", Text, nullable=False),  # the job's settings when the run was made
    Column("idempotency", String, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("state", Text, nullable=False),
    Column("life_cycle", String, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("stopping", String),
    Column("token_id", String),
    Column("trigger", Text),  # what started it: the vendor's trigger type and trigger info
    Column("parent", BigInteger, index=True),  # the attempt at a task that started it, and waits for it
    Column("repairs", Text),  # its repairs, oldest first
)
Index("runs_active", runs.c.active, runs.c.job_id)

task_runs = Table(
    "task_runs",
    metadata,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    Column("job_run_id", BigInteger, nullable=False, index=True),
    Column("task_key", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", BigInteger),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("resolved", Text),
    Column("outcome", Text),
    Column("cluster", Text),  # the vendor's ClusterInstance
)
