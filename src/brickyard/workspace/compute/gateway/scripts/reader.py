"""Reads a script: what may stand where is checked before anything is executed."""

from __future__ import annotations

from collections.abc import Callable

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.scripts import nodes
from brickyard.workspace.compute.gateway.scripts.errors import bad_label, bad_variable, check_state, scripting
from brickyard.workspace.compute.gateway.scripts.handlers import Declarations
from brickyard.workspace.compute.gateway.sqltext import Cursor

__all__ = ["Reader"]

LOOPS = frozenset({"WHILE", "LOOP", "REPEAT", "FOR"})
LABELLED = LOOPS | {"BEGIN"}


class Reader:
    """Reads one script.

    Args:
        sql: Its text.
        check_word: Raises an error for a word that begins no statement.
    """

    def __init__(self, sql: str, check_word: Callable[[str], None]) -> None:
        self.cursor = Cursor(sql)
        self._check_word = check_word
        self._labels: list[tuple[str, bool]] = []  # those around, and whether they are of loops

    def script(self) -> nodes.Block:
        """The whole script."""
        block = self._block("")
        self.cursor.end()
        return block

    def _statement(self) -> nodes.Node:
        """A statement, without the semicolon."""
        label = ""
        if self.cursor.peek(1) == ":" and self.cursor.peek(2) in LABELLED:
            label = self.cursor.name()[0].lower()
            self.cursor.expect(":")
        word = self.cursor.peek()
        compound: dict[str, Callable[[str], nodes.Node]] = {
            "BEGIN": self._block,
            "WHILE": self._while,
            "LOOP": self._loop,
        }
        compound |= {"REPEAT": self._repeat, "FOR": self._for}
        if word in compound:
            return compound[word](label)
        plain = {"IF": self._if, "CASE": self._case, "LEAVE": self._jump, "ITERATE": self._jump}
        plain |= {"SIGNAL": self._signal, "RESIGNAL": self._signal, "GET": self._get, "DECLARE": self._misplaced}
        return plain[word]() if word in plain else self._single()

    def _misplaced(self) -> nodes.Node:
        raise bad_variable("NOT_ALLOWED_IN_SCOPE", self.cursor.peek(1), "cannot be declared outside of BEGIN ... END.")

    def _single(self) -> nodes.Node:
        if self.cursor.peek() in {"OPEN", "FETCH", "CLOSE"}:
            raise unsupported("cursors in scripts", "Use FOR ... DO.")
        line = self._line
        self._check_word(self.cursor.peek())
        start = self.cursor.position
        while not self.cursor.done and self.cursor.peek() != ";":
            self.cursor.next()
        return nodes.Single(line, self.cursor.since(start))

    @property
    def _line(self) -> int:
        at = min(self.cursor.position, len(self.cursor.tokens) - 1)
        return self.cursor.tokens[at].line

    def _text(self, *stops: str) -> str:
        """The text up to one of the words, which are not inside of brackets or `CASE ... END`."""
        start, depth = self.cursor.position, 0
        while depth or self.cursor.peek() not in stops:
            word = self.cursor.peek()
            if word == ";" or self.cursor.done:
                raise self.cursor.error(f"expected {' or '.join(stops)}")
            depth = max(0, depth + {"(": 1, "CASE": 1, ")": -1, "END": -1}.get(word, 0))
            self.cursor.next()
        if start == self.cursor.position:
            raise self.cursor.error("expected an expression or a statement")
        return self.cursor.since(start)

    def _body(self, *stops: str) -> tuple[nodes.Node, ...]:
        """At least one statement, each with its semicolon."""
        body = [self._ended(self._statement())]
        while self.cursor.peek() not in stops:
            body.append(self._ended(self._statement()))
        return tuple(body)

    def _ended(self, node: nodes.Node) -> nodes.Node:
        self.cursor.expect(";")
        return node

    def _within(self, label: str, is_loop: bool, read: Callable[[], tuple[nodes.Node, ...]]) -> tuple[nodes.Node, ...]:
        """Read what a label belongs to."""
        if label and label in [name for name, _ in self._labels]:
            text = f"The label or FOR variable `{label}` already exists. Choose another name for one of them."
            raise scripting("LABEL_OR_FOR_VARIABLE_ALREADY_EXISTS", text, "42K0L")
        self._labels.append((label, is_loop))
        try:
            return read()
        finally:
            self._labels.pop()

    def _end_label(self, label: str) -> None:
        if self.cursor.peek() in {";", ""}:
            return
        end = self.cursor.name()[0].lower()
        if not label:
            text = f"End label `{end}` can not exist without begin label."
            raise scripting("END_LABEL_WITHOUT_BEGIN_LABEL", text, "42K0L")
        if end != label:
            text = f"Begin label `{label}` does not match the end label `{end}`."
            raise scripting("LABELS_MISMATCH", text, "42K0L")

    def _block(self, label: str) -> nodes.Block:
        line = self._line
        self.cursor.expect("BEGIN")
        if self.cursor.peek() in {"ATOMIC", "TRANSACTION"}:
            raise unsupported(f"BEGIN {self.cursor.peek()}", "Leave it out: each statement is a transaction.")
        self.cursor.take("NOT", "ATOMIC")
        declared = Declarations(self.cursor, self._statement)
        body = self._within(label, False, lambda: self._of_block(declared))
        self.cursor.expect("END")
        self._end_label(label)
        return nodes.Block(line, label, tuple(declared.variables), declared.conditions, tuple(declared.handlers), body)

    def _of_block(self, declared: Declarations) -> tuple[nodes.Node, ...]:
        body: list[nodes.Node] = []
        while self.cursor.peek() != "END":
            if self.cursor.peek() == "DECLARE":
                declared.read(after_statements=bool(body))
                self.cursor.expect(";")
            else:
                body.append(self._ended(self._statement()))
        return tuple(body)

    def _if(self) -> nodes.Node:
        line, branches = self._line, []
        otherwise: tuple[nodes.Node, ...] = ()
        self.cursor.expect("IF")
        while True:
            condition = self._text("THEN")
            self.cursor.expect("THEN")
            branches.append(nodes.Branch(condition, self._body("ELSEIF", "ELSE", "END")))
            if not self.cursor.take("ELSEIF"):
                break
        if self.cursor.take("ELSE"):
            otherwise = self._body("END")
        self.cursor.expect("END", "IF")
        return nodes.If(line, tuple(branches), otherwise)

    def _case(self) -> nodes.Node:
        line, branches = self._line, []
        otherwise: tuple[nodes.Node, ...] = ()
        self.cursor.expect("CASE")
        subject = "" if self.cursor.peek() == "WHEN" else self._text("WHEN")
        while self.cursor.take("WHEN"):
            condition = self._text("THEN")
            self.cursor.expect("THEN")
            branches.append(nodes.Branch(condition, self._body("WHEN", "ELSE", "END")))
        if self.cursor.take("ELSE"):
            otherwise = self._body("END")
        self.cursor.expect("END", "CASE")
        if not subject:
            return nodes.If(line, tuple(branches), otherwise)
        return nodes.Case(line, subject, tuple(branches), otherwise)

    def _while(self, label: str) -> nodes.Node:
        line = self._line
        self.cursor.expect("WHILE")
        condition = self._text("DO")
        return nodes.Loop(line, label, self._do("WHILE", label), before=condition)

    def _do(self, word: str, label: str) -> tuple[nodes.Node, ...]:
        self.cursor.expect("DO")
        body = self._within(label, True, lambda: self._body("END"))
        self.cursor.expect("END", word)
        self._end_label(label)
        return body

    def _loop(self, label: str) -> nodes.Node:
        line = self._line
        self.cursor.expect("LOOP")
        body = self._within(label, True, lambda: self._body("END"))
        self.cursor.expect("END", "LOOP")
        self._end_label(label)
        return nodes.Loop(line, label, body)

    def _repeat(self, label: str) -> nodes.Node:
        line = self._line
        self.cursor.expect("REPEAT")
        body = self._within(label, True, lambda: self._body("UNTIL"))
        self.cursor.expect("UNTIL")
        condition = self._text("END")
        self.cursor.expect("END", "REPEAT")
        self._end_label(label)
        return nodes.Loop(line, label, body, after=condition)

    def _for(self, label: str) -> nodes.Node:
        line, variable = self._line, ""
        self.cursor.expect("FOR")
        if self.cursor.peek(1) == "AS":
            variable = self.cursor.name()[0].lower()
            self.cursor.expect("AS")
        query = self._text("DO")
        body = self._within(variable, False, lambda: self._do("FOR", label))
        return nodes.For(line, label, variable, query, body)

    def _jump(self) -> nodes.Node:
        line, word = self._line, self.cursor.next().text.upper()
        label = self.cursor.name()[0].lower()
        kinds = [is_loop for name, is_loop in self._labels if name == label]
        if not kinds:
            why = f"Label was used in the {word} statement, but the label does not belong to any surrounding block."
            raise bad_label("DOES_NOT_EXIST", label.upper(), why)
        if word == "ITERATE" and not kinds[0]:
            why = "ITERATE statement cannot be used with a label that belongs to a compound (BEGIN...END) body."
            raise bad_label("ITERATE_IN_COMPOUND", label.upper(), why)
        return nodes.Jump(line, label, leaves=word == "LEAVE")

    def _signal(self) -> nodes.Node:
        line, word = self._line, self.cursor.next().text.upper()
        name = state = text = arguments = ""
        if word == "RESIGNAL" and self.cursor.peek() == ";":
            return nodes.Signal(line)
        if self.cursor.take("SQLSTATE"):
            self.cursor.take("VALUE")
            state = check_state(self.cursor.string())
        else:
            name = ".".join(self.cursor.name()).upper()
        if self.cursor.take("SET", "MESSAGE_TEXT", "="):
            text = self._text(";")
        elif name and self.cursor.take("SET", "MESSAGE_ARGUMENTS", "="):
            arguments = self._text(";")
        return nodes.Signal(line, name, state, text, arguments)

    def _get(self) -> nodes.Node:
        line = self._line
        items: list[tuple[tuple[str, ...], str]] = []
        self.cursor.expect("GET", "DIAGNOSTICS", "CONDITION", "1")
        while not items or self.cursor.take(","):
            name = tuple(part.lower() for part in self.cursor.name())
            self.cursor.expect("=")
            items.append((name, self.cursor.next().text.upper()))
        return nodes.Diagnose(line, tuple(items))
