"""The functions of one session: temporary ones, those of Unity Catalog, and the engine's own."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import replace
from typing import Any

from pyspark.sql.connect.proto import base_pb2, commands_pb2

from brickyard.workspace.compute.gateway.errors import SparkError, parse_error, unsupported
from brickyard.workspace.compute.gateway.names import SessionNames, TableName
from brickyard.workspace.compute.gateway.sail import Sail, SessionKey
from brickyard.workspace.compute.gateway.sqltext import tokenize, triples
from brickyard.workspace.compute.gateway.sugar.chains import Chains, routine_link
from brickyard.workspace.compute.gateway.sugar.routines import Routine
from brickyard.workspace.compute.gateway.unity import UnityCatalog

__all__ = ["Functions"]


class Functions:
    """Finds, makes and drops functions.

    Args:
        catalog: Unity Catalog, as the session's principal sees it.
        names: What a name of one or two parts means.
        sail: The engine.
        key: The session in the engine.

    Attributes:
        catalog: The same, with the token that the session goes on with.
        chains: The chains of functions in the statement that they are for.
    """

    def __init__(self, catalog: UnityCatalog, names: SessionNames, sail: Sail, key: SessionKey) -> None:
        self.temporary: dict[tuple[str, ...], Routine] = {}
        self.catalog = catalog
        self._names = names
        self._sail = sail
        self._key = key
        self.chains = Chains()
        self._through: tuple[str, ...] = ()
        self._installed: set[str] = set()
        self._builtins: set[str] = set()
        self._facts: dict[str, str] = {}
        self._apart = False

    def inside(self, names: SessionNames, through: tuple[str, ...] = ()) -> Functions:
        """The functions that a view can use: none that are temporary, and names as they were for its author.

        Args:
            names: What names mean in it.
            through: It, and the views around it, outermost first; it is used with the rights of their owners.
        """
        other = Functions(self.catalog, names, self._sail, self._key)
        other.chains, other._through = self.chains, through
        other._installed, other._builtins, other._apart = self._installed, self._builtins, True
        return other

    def of_view(
        self, names: SessionNames, temporary: dict[tuple[str, ...], Routine] | None, *, apart: bool
    ) -> Functions:
        """The functions that a temporary view can use.

        Args:
            names: What names mean in it.
            temporary: Its temporary functions; None for the session's.
            apart: Whether another session made it: what this one has registered is not for it.
        """
        other = copy.copy(self)
        other._names, other._apart = names, self._apart or apart
        if temporary is not None:
            other.temporary = temporary
        return other

    def for_statement(self) -> Functions:
        """The same functions, for one statement, whose chains are its own."""
        other = copy.copy(self)
        other.chains = Chains()
        return other

    def builtins(self) -> Set[str]:
        """The names of the engine's own functions."""
        if not self._builtins:
            found = self._sail.query(self._key, "SHOW FUNCTIONS")
            names = [] if found is None else found.column(0).to_pylist()
            self._builtins.update(set(names) - self._sail.memory.functions())
        return self._builtins

    def find(self, parts: Sequence[str]) -> Routine | None:
        """The function of that name, unless it is one of the engine's own.

        Raises:
            SparkError: INSUFFICIENT_PERMISSIONS, for a name of more than one part.
        """
        chain, first = self.chains.split(parts[0]) if parts else ((), "")
        name = tuple(part.lower() for part in (first, *parts[1:]))
        if name in self.temporary:
            return self.temporary[name]
        if not 1 <= len(name) <= 3 or (len(name) == 1 and self._is_of_engine(name[0])):
            return None
        try:
            full = self._names.table(name)
            wire = self.catalog.find_function(full, (*self._through, *chain))
        except SparkError:
            if len(name) > 1:
                raise
            return None  # it may be a function that the client has registered in the engine
        return None if wire is None else replace(Routine.from_wire(wire), through=(*chain, routine_link(full.full)))

    def fact(self, name: str) -> Any:
        """What the workspace says of the session: `user`, `groups` (as they are now), `metastore`, `version`."""
        if name == "groups":
            return [str(group["display"]) for group in self._principal().get("groups") or []]
        if name not in self._facts:
            self._facts[name] = self._fact(name)
        return self._facts[name]

    def _fact(self, name: str) -> str:
        if name == "user":
            return str(self._principal()["userName"])
        if name == "metastore":
            return self.catalog.metastore()
        version = base_pb2.AnalyzePlanRequest.SparkVersion()
        return self._sail.analyze(self._key, spark_version=version).spark_version.version

    def _principal(self) -> dict[str, Any]:
        who = self.catalog.principal()
        if who is None:
            raise SparkError("CATALOG_ERROR", "The workspace does not accept the session's token any more.")
        return who

    def _is_of_engine(self, name: str) -> bool:
        """Whether the engine has the function: its own, or one that the client has registered, maybe just now."""
        return name in self.builtins() or self.registered(name)

    def registered(self, name: str) -> bool:
        """Whether the client has registered a function of that name in the engine; a view does not see it."""
        return not self._apart and self._sail.memory.has_function(name)

    def check_view(self, sql: str) -> None:
        """Refuse what a view calls where the engine would run a function of that name that the client has registered.

        Raises:
            SparkError: UNSUPPORTED_BY_ENGINE.
        """
        if self._apart:
            self._check(sql, lambda name: self._names.table((name,)))

    def check_body(self, routine: Routine) -> None:
        """The same for the body of a permanent function."""
        catalog, schema, _ = routine.name
        self._check(routine.body, lambda name: TableName(catalog, schema, name))

    def check_call(self, name: str) -> None:
        """The same for a call in the plan of a view that another session made."""
        if self._apart and self._sail.memory.has_function(name):
            raise _shadowed(name)

    def _check(self, sql: str, named: Callable[[str], TableName]) -> None:
        registered = self._sail.memory.functions()
        for before, token, after in triples(tokenize(sql)) if registered else ():
            name = token.text.lower()
            if after != "(" or before == "." or name not in registered:
                continue
            if name in self.builtins() or self.catalog.find_function(named(name), self._through) is None:
                raise _shadowed(name)

    def create(self, routine: Routine) -> None:
        """Make a function, in place of one of the same name."""
        if len(routine.name) == 1:
            self.temporary[routine.name] = routine
            return
        name = self._names.table(routine.name)
        if self.catalog.find_function(name) is None:
            self.catalog.create_function(routine.to_wire())
        else:  # in place: owner and grants stay
            self.catalog.change("functions", name.full, {"function_info": routine.to_wire()})

    def drop(self, name: tuple[str, ...]) -> None:
        """Drop a function that exists."""
        if self.temporary.pop(name, None) is None:
            self.catalog.drop_function(self._names.table(name))

    def names(self, catalog: str, schema: str) -> list[str]:
        """The names of the temporary functions, and of those of a schema."""
        kept = [f"{catalog}.{schema}.{wire['name']}" for wire in self.catalog.functions(catalog, schema)]
        return [*(name[0] for name in self.temporary), *kept]

    @contextlib.contextmanager
    def trying(self, routine: Routine) -> Iterator[None]:
        """While it lasts, the function is there, for this session only."""
        before = self.temporary.get(routine.name)
        self.temporary[routine.name] = routine
        try:
            yield
        finally:
            self.temporary.pop(routine.name)
            if before is not None:
                self.temporary[routine.name] = before

    def install(self, routine: Routine) -> str:
        """Make a Python function known to the engine; the name that it has there."""
        source = _source(routine)
        name = "f" + hashlib.md5(f"{source}{routine.returns}".encode(), usedforsecurity=False).hexdigest()
        if name not in self._installed:
            command = commands_pb2.Command()
            function = command.register_function
            function.function_name, function.deterministic = name, routine.deterministic
            self._fill(function.python_udf, routine, source)
            self._sail.run(self._key, command)
            self._installed.add(name)
        return name

    def _fill(self, udf: Any, routine: Routine, source: str) -> None:
        from pyspark.serializers import CloudPickleSerializer
        from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type
        from pyspark.util import PythonEvalType

        ddl = base_pb2.AnalyzePlanRequest.DDLParse(ddl_string=routine.returns)
        kind = self._sail.analyze(self._key, ddl_parse=ddl).ddl_parse.parsed
        udf.output_type.CopyFrom(kind)
        udf.eval_type = PythonEvalType.SQL_BATCHED_UDF
        pickler: Any = CloudPickleSerializer()
        udf.command = pickler.dumps((_function(routine, source), proto_schema_to_pyspark_data_type(kind)))
        udf.python_ver = f"{sys.version_info.major}.{sys.version_info.minor}"


def _shadowed(name: str) -> SparkError:
    what = f"a view, policy or function that calls {name}(), of which this session has registered another"
    return unsupported(what, "Register it under another name.")


def _source(routine: Routine) -> str:
    """The function as Python has it: the user's body below a `def` with the parameters."""
    names = ", ".join(one.name for one in routine.parameters)
    return (
        f"def {routine.name[-1]}({names}):\n{textwrap.indent(textwrap.dedent(routine.body.strip(chr(10))), '    ')}\n"
    )


def _function(routine: Routine, source: str) -> Any:
    """Define the function, which runs nothing of it; the engine's Python runs it.

    Raises:
        SparkError: PARSE_SYNTAX_ERROR, if it is no Python.
    """
    namespace: dict[str, Any] = {"__name__": "functions"}
    try:
        exec(compile(source, routine.full_name, "exec"), namespace)
    except SyntaxError as exc:
        raise parse_error(f"The body of {routine.full_name} is no Python: {exc}.") from exc
    return namespace[routine.name[-1]]
