"""Names and paths inside SQL text: every table becomes the Delta table or the files that it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway import commits, feed, policies, values, zones
from brickyard.workspace.compute.gateway.engine_text import as_engine_reads
from brickyard.workspace.compute.gateway.engine_text import functions_in_lower_case as in_lower_case
from brickyard.workspace.compute.gateway.errors import SparkError, no_travel, unsupported
from brickyard.workspace.compute.gateway.file_queries import FileCall, asks_for_metadata, call_of, without_hidden
from brickyard.workspace.compute.gateway.names import FILE_FORMATS, SessionNames, TableName, quote
from brickyard.workspace.compute.gateway.places import Places
from brickyard.workspace.compute.gateway.qualified import BARE, current, short
from brickyard.workspace.compute.gateway.settled import Settled
from brickyard.workspace.compute.gateway.sqltext import Cursor, Edit, parse, without_hints
from brickyard.workspace.compute.gateway.sugar import bound, expand, item
from brickyard.workspace.compute.gateway.sugar.bindings import Bindings
from brickyard.workspace.compute.gateway.sugar.constants import string
from brickyard.workspace.compute.gateway.sugar.recursion import HELD, Runner
from brickyard.workspace.compute.gateway.table_nodes import (
    as_engine_has_it,
    at_version,
    is_cte,
    is_target,
    need_name,
    parts_of,
    span_of,
    when_of,
)
from brickyard.workspace.compute.gateway.unity import Table
from brickyard.workspace.compute.gateway.values.partitions import PARTITIONED, partition_cast, partition_types
from brickyard.workspace.compute.gateway.values.probes import Probe
from brickyard.workspace.compute.gateway.view_queries import names_inside
from brickyard.workspace.compute.gateway.widening import loose

__all__ = ["FILE_FORMATS", "QueryRewriter"]

#: Formats that Sail does not always read as Spark does.
PLANNED = frozenset({"csv", "json"})


def _no_changes(place: Path, bounds: feed.Bounds) -> str:
    raise unsupported(f"the changes of {place.name} here", "Use spark.sql(...).")


@dataclass(frozen=True)
class QueryRewriter:
    """Rewrites the SQL of one session.

    Args:
        names: The session's name state.
        places: Where tables and files are.
        lookup: Finds a table in the catalog, or raises TABLE_OR_VIEW_NOT_FOUND; told the views that it is read through.
        local: Names that the plan around this SQL defines.
        probe: Asks the engine for the fields of a query; with it, expressions that Sail evaluates wrongly are replaced.
        spark: Whether Apache Spark runs it, which has what is refused otherwise.
        ask: The schema of a query that is fit for Sail; without it, SQL that Sail lacks is left as it is.
        bindings: The variables and functions of the session.
        rows: The rows of a query that is fit for Sail; without it, only types are asked for.
        hold: Keeps rows in Sail under a name.
        files: Keeps the rows of files in Sail, and says under which name; without it, Sail reads them itself.
        zone: The session's time zone; empty for the machine's.
        through: The views inside which this is, outermost first.
        defines: The view that is being made of it.
        guarded: The table of whose row filter and masks this is the query, in which it is itself.
        changes: A query for the changes of a table.
        changed: The table with a row filter or masks that the statement changes, as it is.
        temporary: The name by which the engine has the rows of a temporary view.
        fields: The columns of a view's query as the engine has it; without it, a view has those of its query.
        own: The alias of that table where the values that are hidden from the user are asked for besides. It is drawn
            anew for each statement, so that nobody can write it.
    """

    names: SessionNames
    places: Places
    lookup: Callable[[TableName, tuple[str, ...]], Table]
    local: frozenset[str] = field(default_factory=frozenset)
    probe: Probe | None = None
    spark: bool = False
    ask: Callable[[str], Any] | None = None
    bindings: Bindings = field(default_factory=Bindings)
    rows: Callable[[str], Any] | None = None
    hold: Callable[[str, Any], None] | None = None
    files: Callable[[FileCall], str] | None = None
    zone: str = ""
    through: tuple[str, ...] = ()
    defines: str = ""
    guarded: Table | None = None
    changes: Callable[[Path, feed.Bounds], str] = _no_changes
    changed: Table | None = None
    own: str = ""
    temporary: Callable[[str], str] = str
    fields: Callable[[str], Any] | None = None

    def rewrite(self, sql: str, tree: Any = None, *, settled: bool = False) -> str:
        """The same statement with every table and path resolved.

        Args:
            sql: The statement.
            tree: Its tree, if it is known.
            settled: There is nothing left in it that Sail lacks.

        Raises:
            SparkError: If a name or a path does not exist, or a construct is not supported.
        """
        from sqlglot import exp

        if self.ask is not None and not settled:
            sql, tree = self._expanded(*self._shown(sql, tree))
        tree = tree if tree is not None else parse(sql)
        edits: list[Edit] = []
        known: set[tuple[str, ...]] = set()
        for table in tree.find_all(exp.Table):
            need_name(table, sql)
            edit = self._call(table, sql) or self._changes(table, sql) or self._table(table, known)
            if edit:
                edits.append(edit)
        edits += [edit for column in tree.find_all(exp.Column) if (edit := short(column, known))]
        edits += current(sql, tree, self.names)
        return self._corrected(Settled.apart(sql, edits), sql)

    def _corrected(self, statement: Settled, before: str) -> str:
        """The statement with right values; what views contain has been corrected."""
        probe, text = self.probe, statement.text
        if probe is not None:
            with values.in_session_zone(self.zone):
                if values.concerns(text, before):
                    text = values.correct_sql(text, lambda question: probe(question.of(statement.whole)))
        return statement.whole(text)

    def rewrite_query(self, sql: str) -> str:
        """The same, for text that must be a query and not a statement that changes something."""
        from sqlglot import exp

        tree = None
        if self.ask is not None:
            sql, tree = self._expanded(*self._shown(sql, None))
        tree = tree if tree is not None else parse(sql)
        if not isinstance(tree, exp.Query | exp.Values):
            raise unsupported("a statement inside a plan", "Run it by itself with spark.sql(...).")
        return self.rewrite(sql, tree, settled=True)

    def expression(self, sql: str, *, named: bool) -> str:
        """An expression of a plan without what Sail lacks; variables are not for plans.

        Args:
            sql: The expression.
            named: Whether it is a column of a result, which keeps its name.
        """
        if self.ask is None or self.spark:
            return sql
        query = self._in_lower_case(as_engine_reads(f"SELECT {sql}"))
        expanded, _ = expand(query, self.ask, None, Bindings(functions=self.bindings.functions))
        if expanded == query:
            return query.removeprefix("SELECT ")
        return item(replace(self, probe=None).rewrite(expanded, settled=True), named=named)

    def _shown(self, sql: str, tree: Any) -> tuple[str, Any]:
        """The statement without a `*` that would mean the files' hidden column too; its tree if it is the same."""
        ask = self.ask
        assert ask is not None
        if self.spark:
            return sql, tree
        shown = without_hidden(sql, lambda text: list(ask(self.rewrite(text)).names))
        return shown, tree if shown == sql else None

    def _expanded(self, sql: str, tree: Any) -> tuple[str, Any]:
        """The statement without what Sail lacks, and its tree if it is the same statement."""
        ask = self.ask
        assert ask is not None
        if self.spark:
            return bound(sql, tree or parse(sql), self.bindings, lambda text: ask(self.rewrite(text)))
        bare = without_hints(sql)
        tree = tree if bare == sql else None
        bare = self._in_lower_case(bare)
        settled = partial(self.rewrite, settled=True)

        def schema(text: str) -> Any:
            return ask(self.rewrite(text))

        return expand(bare, schema, tree, self.bindings, lambda text: ask(settled(text)), self._runner(schema))

    def _in_lower_case(self, sql: str) -> str:
        functions = self.bindings.functions
        return sql if functions is None else in_lower_case(sql, functions.builtins)

    def _runner(self, schema: Callable[[str], Any]) -> Runner | None:
        """Runs the steps of recursive queries, where there is more to do than to tell types."""
        run, hold = self.rows, self.hold
        return None if run is None or hold is None else Runner(lambda text: run(self.rewrite(text)), hold, schema)

    def _call(self, table: Any, sql: str) -> Edit | None:
        """A call of `read_files`."""
        call = call_of(table, sql)
        if call is None:
            return None
        if self.files is None or self.spark:
            raise unsupported("the table function read_files()", "Use spark.read instead.")
        return Edit(call[1], call[2], quote(self.files(call[0])))

    def _table(self, table: Any, known: set[tuple[str, ...]]) -> Edit | None:
        from sqlglot import exp

        parts = parts_of(table)
        if parts is None or table.find_ancestor(exp.Hint):
            return None
        if self._is_local(table, parts):
            known_as = as_engine_has_it(table, parts[0])
            return None if known_as == parts[0] else Edit(*span_of(table), quote(known_as))
        start, end = span_of(table)
        version, end = at_version(table, end)
        travels = bool(version or table.args.get("version"))
        alias = "" if table.alias and not version else f" AS {quote(parts[-1])}"
        if self.names.is_temporary(parts):
            if travels:
                raise no_travel(quote(parts[0]))
            return None if is_target(table) else Edit(start, end, quote(self.temporary(parts[0])) + alias)
        if len(parts) == 2 and parts[0].lower() in FILE_FORMATS:
            files = self._files(parts[0], parts[1], metadata=asks_for_metadata(table)) + version
            return Edit(start, end, self._zoned(files, table) if parts[0].lower() == "delta" else files)
        chain, parts[0] = self._chain(parts[0])
        name, through = self.names.table(parts), (*self.through, *chain)
        known |= {(name.schema, name.name), (name.catalog, name.schema, name.name)}
        if not table.alias:
            known.add((BARE, name.catalog, name.schema, name.name))
        if self.guarded is not None and not chain and name == self.guarded.name:
            return Edit(start, end, self._unguarded(self.guarded, table) + alias)
        if self.changed is not None and is_target(table) and name == self.changed.name:
            return Edit(start, end, self._unguarded(self.changed, table) + alias)
        found = self.lookup(name, through)
        if found.policies:
            if travels:
                raise found.policies.no_travel(str(name))
            return Edit(start, end, f"({replace(self, through=through)._guard(found, table)})" + alias)
        if found.held_in is not None:
            return Edit(start, end, quote(found.held_in) + alias)
        if found.is_view:
            return Edit(start, end, f"({replace(self, through=through)._view(found)})" + alias)
        if found.files is not None:
            return Edit(start, end, quote(self._held(found, travels=travels)) + alias)
        when = when_of(table)
        target = f"delta.{quote(self.places.text(found.place))}" + version
        self._need_time(found.place, table)
        if version.startswith(" TIMESTAMP"):
            commits.need_time(found.place, version.split("'")[1], self.zone)
        if when:  # the alias must follow VERSION AS OF, which stands after the name in the user's text
            return Edit(start, when[1], self._zoned(target + when[0], table) + alias)
        return Edit(start, end, self._zoned(target, table) + alias)

    def _held(self, found: Table, *, travels: bool) -> str:
        """The name under which the engine has the rows of a table of files."""
        if travels:
            raise no_travel(str(found.name))
        if self.files is None:
            raise unsupported(f"reading {found.name} here", "Use spark.sql(...).")
        return self.files(FileCall(str(found.location), table=found))

    def _zoned(self, source: str, table: Any) -> str:
        return zones.in_session(source, table, self.zone, self.ask)

    def _changes(self, table: Any, sql: str) -> Edit | None:
        """`table_changes(...)`, as a query; Spark has it itself, but by the path of a table."""
        call = feed.call_of(table, sql)
        if call is None:
            return None
        place = self._place(call)
        if self.spark:
            bounds = [
                string(one) if isinstance(one, str) else str(one) for one in (call.start, call.end) if one is not None
            ]
            text = f"table_changes_by_path({', '.join([string(self.places.text(place)), *bounds])})"
        else:
            text = self.changes(place, feed.Bounds(call.start, call.end, self.zone))
        return Edit(*call.span, text if self.spark or table.alias else f"{text} AS `table_changes`")

    def _place(self, call: feed.Call) -> Path:
        if call.by_path:
            return self.places.mapper.existing(call.table)[0]
        parts = Cursor(call.table).name()
        if len(parts) == 2 and parts[0].lower() == "delta":
            return self.places.mapper.existing(parts[1])[0]
        return self.lookup(self.names.table(parts), self.through).place

    def _chain(self, part: str) -> tuple[tuple[str, ...], str]:
        functions = self.bindings.functions
        return ((), part) if functions is None else functions.chains.split(part)

    def _need_time(self, place: Path, table: Any) -> None:
        from sqlglot import exp

        version = table.args.get("version")
        if version is not None and version.name == "TIMESTAMP" and isinstance(version.expression, exp.Literal):
            commits.need_time(place, version.expression.name, self.zone)

    def _is_local(self, table: Any, parts: list[str]) -> bool:
        held = parts[0].startswith(HELD)
        return len(parts) == 1 and (held or parts[0].lower() in self.local or is_cte(table, parts[0]))

    def _files(self, kind: str, path: str, *, metadata: bool) -> str:
        if (
            self.files is not None
            and not self.spark
            and kind.lower() != "delta"
            and (metadata or kind.lower() in PLANNED)
        ):
            return quote(self.files(FileCall(path, kind.lower(), metadata=metadata)))
        base, at, version = path.partition("@v")
        travelled = kind.lower() == "delta" and at and version.isdigit()
        place = self.places.sources(base if travelled else path, kind.lower())
        suffix = f" VERSION AS OF {version}" if travelled else ""
        if len(place) != 1:
            raise unsupported(f"wildcards in SQL paths ({path})", "Use spark.read with the same path.")
        files = f"{kind}.{quote(place[0])}{suffix}"
        if self.files is not None and self.ask is not None and not self.spark and kind.lower() == "parquet":
            found = self.ask(f"SELECT * FROM {files}")
            if loose(found) != found:  # the engine has no null in a column that some files have as NOT NULL
                return quote(self.files(FileCall(path, kind.lower())))
        return self._typed(files, kind.lower(), Path(place[0]))

    def _typed(self, files: str, kind: str, place: Path) -> str:
        """The files, with partition columns typed from their values: Sail has text."""
        types = partition_types([place]) if kind in PARTITIONED and self.ask and not self.spark else {}
        if not types or self.ask is None:
            return files
        columns = [
            f"{partition_cast(name, types[name])} AS {quote(name)}" if name in types else quote(name)
            for name in self.ask(f"SELECT * FROM {files}").names
        ]
        return f"(SELECT {', '.join(columns)} FROM {files})"

    def _view(self, view: Table) -> str:
        if not view.definition:
            raise SparkError("INVALID_VIEW", f"The view {view.name} has no definition.")
        if view.name.full in (*self.through, self.defines):
            text = f"Recursive view {view.name} detected (cycle: {' -> '.join([*self.through, view.name.full])})."
            raise SparkError("RECURSIVE_VIEW", text, sql_state="42K0H")
        inside = self._inside(view.name, names_inside(view.properties, view.name))
        query = inside.rewrite(as_engine_reads(view.definition))
        if self.fields is None or not view.columns.names:
            return query
        fitted = view.columns.fitted(view.name, query, self.fields(query))
        return query if fitted is None else inside._corrected(fitted, fitted.text)

    def _inside(self, name: TableName, names: SessionNames, guarded: Table | None = None) -> QueryRewriter:
        """For what a view or a guarded table is instead of its name."""
        through = (*self.through, name.full)
        bindings = self.bindings.inside(names, through)
        return replace(
            self,
            names=names,
            local=frozenset(),
            bindings=bindings,
            through=through,
            guarded=guarded,
            changed=None,
            own="",
        )

    def _unguarded(self, table: Table, node: Any) -> str:
        return self._zoned(f"delta.{quote(self.places.text(table.directory))}", node)

    def _guard(self, table: Table, node: Any) -> str:
        """A table with a row filter or masks, as the query that its reader gets."""
        if self.ask is None:
            raise unsupported(f"reading {table.name}, which has a row filter or column masks", "Use the engine sail.")
        if table.name.full in self.through:
            text = f"The row filter or a mask of {table.name} reads that table itself."
            raise SparkError("UC_INVALID_ROW_FILTER", text, sql_state="22023")
        columns = self.ask(f"SELECT * FROM {self._unguarded(table, node)}").fields
        own = self.own if self.own and node.alias == self.own else ""
        return self._inside_guard(table).rewrite(policies.query(str(table.name), columns, table.policies, own))

    def _inside_guard(self, table: Table) -> QueryRewriter:
        return self._inside(table.name, SessionNames(table.name.catalog, table.name.schema), table)

    def spelled(self, table: Table, items: list[str], rows: str) -> str:
        """A query for expressions of a guarded table's policies, with what the functions do instead of their calls."""
        query = f"SELECT {', '.join(items)} FROM {table.name} AS {quote(rows)}"
        return self._inside_guard(table)._expanded(query, None)[0]
