"""`FROM t |> WHERE ... |> AGGREGATE ...`: each operator is a query over the one before it."""

from __future__ import annotations

from dataclasses import dataclass

from brickyard.workspace.compute.gateway.errors import SparkError, parse_error, unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.sqltext import Cursor, Token, parse, tokenize
from brickyard.workspace.compute.gateway.sugar.aggregates import aggregates

__all__ = ["unpipe"]

SET_OPERATORS = ("UNION", "INTERSECT", "EXCEPT", "MINUS")
JOINS = ("JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "SEMI", "ANTI", "LATERAL")
TAILS = ("PIVOT", "UNPIVOT", "TABLESAMPLE")


@dataclass(frozen=True)
class Piped:
    """A query so far.

    Args:
        text: The query.
        alias: The name by which its columns may be called.
        joined: The FROM clause, if its inputs may be called by their own names (after JOIN).
    """

    text: str
    alias: str
    joined: str = ""

    @property
    def source(self) -> str:
        """The query as the input of another."""
        return self.joined or f"FROM ({self.text}) AS {self.alias}"


def unpipe(sql: str) -> str:
    """The statement without pipes; pipes in brackets are replaced first, from the inside."""
    start, end = 0, len(sql)
    tokens = tokenize(sql)
    opened: list[int] = []
    for at, token in enumerate(tokens):
        if token.kind == "L_PAREN":
            opened.append(at)
        elif token.kind == "R_PAREN" and opened:
            first = opened.pop()
            inner = sql[tokens[first].end + 1 : token.start]
            if any(one.text == "|>" for one in tokens[first + 1 : at]):
                return unpipe(sql[: tokens[first].end + 1] + _chain(inner) + sql[token.start :])
    if any(token.text == "|>" for token in tokens):
        start, end = _query(sql)
    return sql[:start] + (_chain(sql[start:end]) if start or "|>" in {one.text for one in tokens} else sql[start:end])


def _query(sql: str) -> tuple[int, int]:
    """Where the query of a statement (`CREATE ... AS`, `INSERT INTO t`) begins."""
    depth = 0
    for token in tokenize(sql):
        depth += {"L_PAREN": 1, "R_PAREN": -1}.get(token.kind, 0)
        if token.text == "|>":
            break
        if depth == 0 and token.text.upper() in {"FROM", "SELECT", "VALUES", "TABLE", "WITH"}:
            return token.start, len(sql)
    return 0, len(sql)


def _chain(sql: str) -> str:
    """A query with operators at its end, none of them in brackets."""
    cuts = [token for token in tokenize(sql) if token.text == "|>"]
    starts = [0, *[token.end + 1 for token in cuts]]
    ends = [*[token.start for token in cuts], len(sql)]
    pieces = [sql[start:end].strip().rstrip(";") for start, end in zip(starts, ends, strict=True)]
    head, prefix = pieces[0], ""
    if tokenize(head)[0].text.upper() == "WITH":
        prefix, head = _after_with(head)
    piped = _head(head)
    for piece in pieces[1:]:
        piped = _operator(Cursor(piece), piped)
    return prefix + piped.text


def _after_with(sql: str) -> tuple[str, str]:
    depth = 0
    for token in tokenize(sql):
        depth += {"L_PAREN": 1, "R_PAREN": -1}.get(token.kind, 0)
        if depth == 0 and token.text.upper() in {"FROM", "SELECT", "VALUES", "TABLE"}:
            return sql[: token.start], sql[token.start :]
    return "", sql


def _head(head: str) -> Piped:
    """The first query: of `TABLE t` and `VALUES ... AS t(a)` the columns may be called by the name, as of FROM."""
    cursor = Cursor(head)
    if cursor.take("TABLE") or cursor.peek() == "VALUES":
        return _from(f"FROM {cursor.rest()}")
    return _from(head) if cursor.take("FROM") else Piped(head, "_piped")


def _from(head: str) -> Piped:
    """The inputs of `FROM ...`: one may be called by its name, several by the names of each."""
    query = f"SELECT * {head}"
    tree = parse(query)
    if tree.args.get("joins") or tree.args.get("laterals"):
        return Piped(query, "_piped", head)
    name = tree.args["from_"].this.alias_or_name
    return Piped(query, quote(name) if name else "_piped")


def _operator(cursor: Cursor, before: Piped) -> Piped:
    word = cursor.peek()
    if word in {"SELECT", "EXTEND", "WHERE", "LIMIT", "OFFSET", "ORDER", "SORT", "CLUSTER", "DISTRIBUTE"}:
        return Piped(_simple(cursor, before), before.alias if word != "SELECT" else "_piped")
    if word == "AS":
        cursor.next()
        name = cursor.name()
        if len(name) > 1 or cursor.peek():
            raise parse_error("|> AS takes one name, of the rows.")
        return Piped(before.text, quote(name[0]))
    if word == "AGGREGATE":
        return Piped(_aggregate(cursor, before), "_piped")
    if word == "SET":
        cursor.next()
        for assignment in _assignments(cursor):  # each sees those before it
            before = Piped(f"SELECT * REPLACE ({assignment}) {before.source}", before.alias)
        return before
    if word == "DROP":
        cursor.next()
        return Piped(f"SELECT * EXCEPT ({cursor.rest()}) {before.source}", before.alias)
    if word in SET_OPERATORS:
        return Piped(f"SELECT * {before.source} {_other(cursor)}", "_piped")
    if word in JOINS:
        joined = f"{before.source} {cursor.rest()}"
        return Piped(f"SELECT * {joined}", "_piped", joined)
    if word in TAILS:
        return Piped(f"SELECT * FROM ({before.text}) AS {before.alias} {cursor.rest()}", before.alias)
    raise unsupported(f"the pipe operator {word}", "Use the clause of the same name in a SELECT.")


def _other(cursor: Cursor) -> str:
    """A set operator and the query after it, which may be `TABLE t`."""
    words = [cursor.next().text]
    while cursor.peek() in {"ALL", "DISTINCT", "BY", "NAME"}:
        words.append(cursor.next().text)
    return f"{' '.join(words)} {'SELECT * FROM ' if cursor.take('TABLE') else ''}{cursor.rest()}"


def _simple(cursor: Cursor, before: Piped) -> str:
    if cursor.peek() == "SELECT":
        text = cursor.rest()
        cut = _clauses(text)
        return f"{text[:cut]} {before.source} {text[cut:]}"
    if cursor.take("EXTEND"):
        return f"SELECT *, {cursor.rest()} {before.source}"
    return f"SELECT * {before.source} {cursor.rest()}"


def _clauses(text: str) -> int:
    """Where `GROUP BY ...` or `WINDOW w AS ...` begins after a select list."""
    tokens = _top(text)
    for at, token in enumerate(tokens):
        after = [one.text.upper() for one in tokens[at + 1 : at + 3]]
        word = token.text.upper()
        if (word == "GROUP" and after[:1] == ["BY"]) or (word == "WINDOW" and after[1:] == ["AS"]):
            return token.start
    return len(text)


def _aggregate(cursor: Cursor, before: Piped) -> str:
    """`AGGREGATE sum(a) AS s GROUP BY b AS c`: the keys come first in the result."""
    cursor.expect("AGGREGATE")
    rest = cursor.rest()
    cut = next((one for one in _top(rest) if one.text.upper() == "GROUP"), None)
    if cut is None:
        _need_aggregates(rest)
        return f"SELECT {rest} {before.source}"
    sums, keys = rest[: cut.start].strip(), Cursor(rest[cut.start :])
    keys.expect("GROUP", "BY")
    pieces = _pieces(keys.rest())
    if any(piece.isdigit() for piece in pieces):
        raise unsupported("positions of columns in |> AGGREGATE ... GROUP BY", "Name the columns.")
    _need_aggregates(sums)
    both = f"{keys.rest()}, {sums}" if sums else keys.rest()
    return f"SELECT {both} {before.source} GROUP BY {', '.join(str(at + 1) for at in range(len(pieces)))}"


def _need_aggregates(sums: str) -> None:
    from sqlglot import exp

    for item in parse(f"SELECT {sums}").expressions if sums else []:
        if not any(aggregates(item)) and item.find(exp.Anonymous) is None:  # which may be a function of the user
            text = (
                f'Non-grouping expression "{item.unalias().sql(dialect="databricks")}" is provided as an argument to '
            )
            raise SparkError(
                "PIPE_OPERATOR_AGGREGATE_EXPRESSION_CONTAINS_NO_AGGREGATE_FUNCTION",
                text + "the |> AGGREGATE pipe operator but does not contain any aggregate function; please update it "
                "to include an aggregate function and then retry the query again.",
                sql_state="0A000",
            )


def _top(sql: str) -> list[Token]:
    """The tokens outside brackets."""
    found, depth = [], 0
    for token in tokenize(sql):
        depth += token.kind in {"L_PAREN", "L_BRACKET"}
        if depth == 0:
            found.append(token)
        depth -= token.kind in {"R_PAREN", "R_BRACKET"}
    return found


def _assignments(cursor: Cursor) -> list[str]:
    """`a = 1, b = 2` as `1 AS a` and `2 AS b`."""
    pairs = (_assignment(piece) for piece in _pieces(cursor.rest()))
    return [f"{value} AS {name}" for name, value in pairs]


def _pieces(sql: str) -> list[str]:
    """What stands between the commas outside brackets."""
    commas = [token.start for token in _top(sql) if token.text == ","]
    return [sql[a:b].lstrip(", ") for a, b in zip([0, *commas], [*commas, len(sql)], strict=True)]


def _assignment(text: str) -> tuple[str, str]:
    cursor = Cursor(text)
    name = cursor.next()
    cursor.expect("=")
    return f"`{name.text}`", cursor.rest()
