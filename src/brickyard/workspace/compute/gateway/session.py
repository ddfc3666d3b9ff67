"""One Spark session as the gateway sees it: its names, the workspace's catalog, and Sail."""

from __future__ import annotations

import contextlib
import copy
import math
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
from google.protobuf.message import DecodeError
from pyspark.sql.connect.proto import base_pb2, commands_pb2, relations_pb2

from brickyard.workspace.compute.gateway import commits, conflicts, copies, feed, filling, information, literals, zones
from brickyard.workspace.compute.gateway.allowed_settings import check_setting
from brickyard.workspace.compute.gateway.caching import Cache
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.file_queries import FileCall
from brickyard.workspace.compute.gateway.functions import Functions
from brickyard.workspace.compute.gateway.global_views import GlobalViews
from brickyard.workspace.compute.gateway.held_plans import HeldPlans
from brickyard.workspace.compute.gateway.kept import PART_BYTES, SETTINGS
from brickyard.workspace.compute.gateway.names import GLOBAL, SessionNames, TableName
from brickyard.workspace.compute.gateway.observed import Observation
from brickyard.workspace.compute.gateway.operations import Operations
from brickyard.workspace.compute.gateway.places import Places
from brickyard.workspace.compute.gateway.queries import QueryRewriter
from brickyard.workspace.compute.gateway.sail import Sail, SessionKey
from brickyard.workspace.compute.gateway.sugar.bindings import Bindings
from brickyard.workspace.compute.gateway.sugar.recursion import HELD
from brickyard.workspace.compute.gateway.temporary_views import held
from brickyard.workspace.compute.gateway.turns import turn
from brickyard.workspace.compute.gateway.unity import Table, UnityCatalog
from brickyard.workspace.compute.gateway.values.probes import Asked, Question

__all__ = ["ZONE", "Session"]

ZONE = zones.SETTING


@dataclass
class Session:
    """What a statement needs in order to run.

    Args:
        key: The client's session.
        sail: The engine.
        catalog: The workspace's Unity Catalog.
        places: From the user's paths to local places.
        names: Current catalog and schema, temporary views.
        open_files: Makes a relation of files that SQL names.
        blobs: Files with local data that the client sent ahead, by hash.
        settings: Configuration values that the client has set.
        defaults: The engine's own values, before the client has set others, of settings that it forgets them of.
        statement: The SQL that is being run; data frames in it are resolved.
        references: These data frames as the client sent them.
        bindings: Its variables and functions.
        changes: Whether what is executed may change what it reads.
        analyses: Whether only the schema of a plan is asked for: nothing is changed then.
        opening, live: The temporary views inside which this is, outermost first, and the session outside of them.
        opened: The names of the plans of those that have been resolved there.

    Attributes:
        observations: The metrics that a plan asks for.
        held, kept: What Sail keeps until the statement has ended, and until the session has, by the hash of the plan.
        plans: What it has of temporary views, and of files that SQL names.
        operations, private: What it is executing; a place for files that are needed until it ends.
        cache: What it keeps.
        global_views: Those of its cluster.
    """

    key: SessionKey
    sail: Sail
    catalog: UnityCatalog
    places: Places
    names: SessionNames
    open_files: Callable[[Session, FileCall], relations_pb2.Relation]
    blobs: dict[str, Path] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    statement: relations_pb2.Relation = field(default_factory=relations_pb2.Relation)
    bindings: Bindings = field(default_factory=Bindings)
    references: Sequence[relations_pb2.Relation] = ()
    analyses: bool = False
    opening: tuple[Any, ...] = ()
    live: Session | None = None
    opened: dict[Any, str] | None = None
    observations: list[Observation] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    kept: dict[str, relations_pb2.Relation] = field(default_factory=dict)
    changes: bool = False
    plans: HeldPlans = field(default_factory=HeldPlans)
    operations: Operations = field(init=False)
    private: Path = field(init=False)
    cache: Cache = field(default_factory=Cache)
    global_views: GlobalViews = field(init=False)

    def __post_init__(self) -> None:
        self.private = self.staged()
        self.operations = Operations(self.sail, self.key.user_id, self.key.session_id)
        self.bindings.functions = Functions(self.catalog, self.names, self.sail, self.key)
        self.sail.memory.begin(self.key.user_id, self.key.session_id)
        if not self.sail.capabilities.is_spark:
            self.sail.memory.set_all({**SETTINGS, ZONE: zones.DEFAULT})  # else the zone is the machine's

    def serve(self, catalog: UnityCatalog, places: Places) -> None:
        """Go on with the rights of the token that the caller has now."""
        catalog.uses.update(self.catalog.uses)
        self.catalog, self.places = catalog, places
        self.bindings.functions.catalog = catalog

    def close(self) -> None:
        """End the session's engine."""
        self.catalog.uses.pop(self.key.session_id, None)
        self.sail.close()
        shutil.rmtree(self.private, ignore_errors=True)

    def setting(self, key: str, default: str = "") -> str:
        """A setting that the client has set; upper and lower case of keys differ, as in Spark."""
        return self.settings.get(key, default)

    @property
    def zone(self) -> str:
        """The session's time zone; empty if it has not been set."""
        return self.setting(ZONE)

    def configure(self, key: str, value: str) -> None:
        """Set a configuration value, here and in Sail."""
        self.before_setting({key: value})
        self.sail.configure(self.key, {key: value})
        self.settings[key] = value

    def before_setting(self, given: Mapping[str, str]) -> None:
        """Note the engine's own time zone, which it forgets when another one is set (Sail 0.7.2).

        Raises:
            SparkError: For a setting that changes results and that Sail does not look at.
        """
        for key, value in given.items() if not self.sail.capabilities.is_spark else ():
            check_setting(key, value)
        if ZONE in given and ZONE not in self.defaults and not self.sail.capabilities.is_spark:
            self.defaults[ZONE] = self.sail.configuration(self.key, ZONE) or ""

    def unset(self, keys: Sequence[str]) -> None:
        """Forget configuration values, here and in Sail."""
        self.sail.unset(self.key, keys)
        self.after_unsetting(keys)

    def after_unsetting(self, keys: Sequence[str]) -> None:
        """Give the engine its own time zone back, if that is what is unset."""
        for key in keys:
            self.settings.pop(key, None)
        if ZONE in keys and self.defaults.get(ZONE):
            self.sail.configure(self.key, {ZONE: self.defaults[ZONE]})

    def for_statement(self, original: relations_pb2.Relation) -> Session:
        """The session while it runs one statement, with the statement's arguments and data frames."""
        session = copy.copy(self)
        session.statement = original
        return session

    def for_execution(self) -> Session:
        """The session while it executes one plan, whose observations are its own."""
        session = copy.copy(self)
        session.observations, session.held = [], set()
        return session

    def for_analysis(self) -> Session:
        """The session while it is asked what a plan is, which is not run: an `information_schema` is empty then."""
        session = copy.copy(self)
        session.analyses, session.observations, session.opened = True, [], None
        return session

    def table(self, name: TableName, through: tuple[str, ...] = ()) -> Table:
        """A table of the catalog, a relation of an `information_schema`, or a global temporary view.

        Args:
            name: Its name.
            through: The views through which it is read, outermost first: with the rights of their owners.

        Raises:
            SparkError: TABLE_OR_VIEW_NOT_FOUND, or INSUFFICIENT_PERMISSIONS.
        """
        if name.schema == GLOBAL:
            return Table(name, "VIEW", held_in=self.global_views.hold(name.name, self))
        if name.schema != information.SCHEMA:
            return self.catalog.table_through(name, through) if through else self.catalog.table(name)
        held = f"{HELD}{uuid.uuid4().hex}"
        self.hold_relation(held, information.relation_of(name, self.catalog, empty=self.analyses))
        return Table(name, "VIEW", held_in=held)

    def hold(self, name: str, rows: pa.Table) -> None:
        """Keep rows in Sail under a name, until the statement has ended."""
        pieces = math.ceil(rows.nbytes / PART_BYTES)
        if pieces < 2:
            self.hold_relation(name, literals.table(rows))
            return
        size = math.ceil(rows.num_rows / pieces)
        for part, start in enumerate(range(0, rows.num_rows, size)):
            self.hold_relation(f"{name}_{part}", literals.table(rows.slice(start, size)))
        query = " UNION ALL ".join(f"SELECT * FROM {name}_{part}" for part in range(pieces))
        self.hold_relation(name, relations_pb2.Relation(sql=relations_pb2.SQL(query=query)))

    def hold_relation(self, name: str, relation: relations_pb2.Relation) -> None:
        """Keep a resolved relation in Sail under a name, until the statement has ended."""
        self.register(name, relation)
        self.held.add(name)

    def let_go(self) -> None:
        """Forget what was held for the statement; what has ended with its engine or a cancellation needs no more."""
        with contextlib.suppress(SparkError, grpc.RpcError, DecodeError):
            while self.held and self.sail.runs:
                self.drop(self.held.pop())

    def keep(self, name: str, relation: relations_pb2.Relation) -> None:
        """Keep rows in Sail under a name as long as the session lives."""
        self.register(name, relation, lasting=True)

    def drop(self, name: str) -> None:
        """Have Sail forget what it has under a name."""
        relation = relations_pb2.Relation()
        relation.catalog.drop_temp_view.view_name = name
        self.sail.execute(self.key, base_pb2.Plan(root=relation))

    def register(self, name: str, relation: relations_pb2.Relation, *, lasting: bool = False) -> None:
        """Have Sail know a resolved relation by a name."""
        command = commands_pb2.Command()
        view = command.create_dataframe_view
        view.input.CopyFrom(relation)
        view.name, view.replace = name, True
        self.sail.execute(self.key, base_pb2.Plan(command=command), lasting=lasting)

    def rewriter(self, local: frozenset[str] = frozenset()) -> QueryRewriter:
        """Rewrites SQL of this session; each table is asked for once per statement."""
        found: dict[tuple[TableName, tuple[str, ...]], Table] = {}

        def lookup(name: TableName, through: tuple[str, ...]) -> Table:
            if (name, through) not in found:
                found[name, through] = self.table(name, through)
            return found[name, through]

        named = {one.subquery_alias.alias.lower() for one in self.statement.with_relations.references}
        spark = self.sail.capabilities.is_spark
        return QueryRewriter(
            self.names,
            self.places,
            lookup,
            local | named,
            None if spark else self._fields,
            spark=spark,
            ask=self.schema_of_query,
            bindings=self.bindings.for_statement(),
            zone=self.zone,
            rows=None if self.analyses else lambda text: self.rows(self.with_text(text)),
            hold=self.hold,
            files=self.held_files,
            changes=self.changes_of,
            temporary=self.held_view,
            fields=partial(self.plans.fields_of, ask=self.schema_of_query),
        )

    def changes_of(self, place: Path, bounds: feed.Bounds) -> str:
        """A query, in brackets, for the changes of a table."""
        lenient = bounds.lenient or self.setting(feed.OUT_OF_RANGE).lower() == "true"
        return feed.table_of_changes(place, replace(bounds, lenient=lenient), self.private, self.places)

    def held_files(self, call: FileCall) -> str:
        """The name under which Sail has the rows of files."""
        return self.plans.name_of(self, self.open_files(self, call))

    def held_view(self, name: str) -> str:
        """The name under which Sail has the rows of a temporary view."""
        return held(self, self.names.temporary[name.lower()])

    def _fields(self, question: Question) -> Asked:
        return self.fields(self.with_text(question.sql))

    def fields(self, relation: relations_pb2.Relation) -> Asked:
        """The names and types of a resolved relation's columns."""
        schema = self.schema(relation)
        return [(column.name, column.dataType.simpleString()) for column in schema.fields]

    def schema(self, relation: relations_pb2.Relation) -> Any:
        """The `StructType` of a resolved relation."""
        return self.sail.schema(self.key, relation)

    def rows(self, relation: relations_pb2.Relation) -> Any:
        """The rows of a resolved relation, as an Arrow table."""
        from pyspark.sql.pandas.types import to_arrow_schema

        found = self.sail.execute(self.key, base_pb2.Plan(root=relation))
        return pa.Table.from_batches([], to_arrow_schema(self.schema(relation))) if found is None else found

    def schema_of_query(self, sql: str) -> Any:
        """The `StructType` of a query that is fit for Sail."""
        return self.sail.schema(self.key, self.with_text(sql))

    def relation(self, sql: str) -> relations_pb2.Relation:
        """A query as a relation that Sail can run, with the arguments and data frames of the statement."""
        return self.with_text(self.rewriter().rewrite(sql))

    def with_text(self, sql: str) -> relations_pb2.Relation:
        """The statement with another text, which is for Sail as it is."""
        relation = relations_pb2.Relation()
        relation.CopyFrom(self.statement)
        nested = relation.with_relations.root if relation.HasField("with_relations") else relation
        nested.sql.query = sql
        return relation

    def need_table(self, parts: Sequence[str]) -> None:
        """Raise TABLE_OR_VIEW_NOT_FOUND unless there is such a table or view."""
        if not self.names.is_temporary(parts):
            self.table(self.names.table(parts))

    def staged(self) -> Path:
        """A place to write a new managed table to; the catalog moves it where managed tables are kept."""
        return self.places.mapper.data / ".staged" / uuid.uuid4().hex

    def schema_of(self, place: Path) -> Any:
        """The `StructType` of a Delta table."""
        return self.sail.schema(self.key, delta(self.places.text(place)))

    def write(
        self,
        relation: relations_pb2.Relation,
        place: Path,
        mode: str,
        *,
        partitions: tuple[str, ...] = (),
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Write a resolved relation to a Delta table; mode is `append` or `overwrite`."""
        command = self._command(relation, place, mode, partitions, options or {})
        if self.sail.capabilities.is_spark or "overwriteSchema" in (options or {}) or not filling.counts(place):
            self.run_write(command, place)
            return

        def work(copy: Path, _: Any) -> None:
            self.sail.run(self.key, self._command(relation, copy, mode, partitions, options or {}))

        given = {name.lower() for name in self.schema(relation).names}  # which do not count: Sail counts on from them

        def marks(_: Path, found: Any) -> dict[str, int | None]:
            columns = filling.by_name(found.fields).items()
            return {column.name: column.mark for name, column in columns if column.identity and name in given}

        with turn(self.places.mapper.data, place):
            copies.through_copy(place, self.staged, work, plain=False, files=mode != "append", marks=marks)

    def _command(
        self,
        relation: relations_pb2.Relation,
        place: Path,
        mode: str,
        partitions: tuple[str, ...],
        options: Mapping[str, str],
    ) -> commands_pb2.Command:
        text = self.places.text(place)
        if text != str(place):
            place.mkdir(parents=True, exist_ok=True)
        command = commands_pb2.Command()
        write = command.write_operation
        write.input.CopyFrom(relation)
        write.source, write.path, write.mode = "delta", text, MODES[mode]
        write.partitioning_columns.extend(partitions)
        write.options.update(options)
        return command

    def run_write(self, command: commands_pb2.Command, place: Path) -> None:
        """Run a write of a Delta table, with nullable columns where Databricks has them."""
        before = commits.latest(place)
        if command.write_operation.mode == MODES["append"]:
            with turn(self.places.mapper.data, place):
                conflicts.settled(place, lambda: self.sail.run(self.key, command))
        else:
            conflicts.settled(place, lambda: self.sail.run(self.key, command))
        if before < 0 or "overwriteSchema" in command.write_operation.options:
            commits.relax(place, before)


def delta(path: str) -> relations_pb2.Relation:
    """The Delta table at a path, as a relation."""
    relation = relations_pb2.Relation()
    relation.read.data_source.format = "delta"
    relation.read.data_source.paths.append(path)
    return relation


MODES = {
    "append": commands_pb2.WriteOperation.SAVE_MODE_APPEND,
    "overwrite": commands_pb2.WriteOperation.SAVE_MODE_OVERWRITE,
    "error": commands_pb2.WriteOperation.SAVE_MODE_ERROR_IF_EXISTS,
}
