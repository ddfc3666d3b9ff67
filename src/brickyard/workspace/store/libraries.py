"""The table of the libraries that clusters are to have."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, String, Table

from brickyard.workspace.store.base import metadata

__all__ = ["cluster_libraries"]

cluster_libraries = Table(
    "cluster_libraries",
    metadata,
    Column("number", Integer, primary_key=True),  # in the order in which they were added
    Column("cluster_id", String, nullable=False, index=True),
    Column("name", String, nullable=False),  # what tells it from others of the cluster
    Column("library", JSON, nullable=False),  # as the API has it
    Column("added_by", BigInteger, nullable=False),  # with whose rights its files are read
    Column("leaving", Boolean, nullable=False),  # to be uninstalled when the cluster is restarted
)
