"""Corrects the calls of a statement or a plan: learns types from the engine, and puts other expressions in place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from brickyard.workspace.compute.gateway.values.nesting import arithmetic, is_deep
from brickyard.workspace.compute.gateway.values.rules import RULES, Call, Fix, Operand
from brickyard.workspace.compute.gateway.values.zoned import is_zoned

__all__ = ["Language", "Site", "correct"]

#: Rules whose corrections are casts around casts.
OPERATORS = frozenset({"+", "-", "*", "/", "%", "negative"})


@dataclass(frozen=True, eq=False)
class Site:
    """A call that may have to be replaced.

    Args:
        node: Its node.
        name: The name of its rule.
        operands: Nodes, or operands that are no expressions.
        compared: It is compared with something.
    """

    node: Any
    name: str
    operands: Sequence[Any]
    compared: bool = False


class Language(Protocol):
    """Expressions as SQL text or as a plan has them."""

    def sites(self) -> Sequence[Site]:
        """All calls for which there is a rule, the inner ones first."""

    def around(self, node: Any) -> Iterable[Any]:
        """A node and all nodes that it stands in."""

    def known(self, node: Any) -> Operand:
        """What a node says of itself: its type if it is a literal or a cast."""

    def same(self, node: Any) -> Any:
        """The node whose type a node has, for example inside of parentheses."""

    def ask(self, nodes: Sequence[Any]) -> Mapping[int, str]:
        """The types of nodes as they are now, by their id."""

    def put(self, site: Site, fix: Fix) -> None:
        """Put a correction in place."""

    def untold(self, site: Site) -> None:
        """The types of a call's operands cannot be told, and it could be wrong: raise an error, or leave it."""


def correct(language: Language) -> None:
    """Correct all calls, in as few questions to the engine as they are nested."""
    sites = language.sites()
    with arithmetic(sum(site.name in OPERATORS for site in sites)):
        _correct(sites, language)


def _correct(sites: Sequence[Site], language: Language) -> None:
    pending = list(sites)
    kinds: dict[int, str] = {}
    while pending:
        blocked = {id(node) for site in pending for node in language.around(site.node)}
        wanted = {
            id(node): node
            for site in pending
            for node in _wanted(site, language)
            if id(node) not in blocked and id(node) not in kinds
        }
        found = language.ask(list(wanted.values())) if wanted else {}
        kinds.update({key: found.get(key, "") for key in wanted})
        rest = _settled(pending, kinds, language)
        if len(rest) == len(pending) and not wanted:  # each waits for another
            for site in rest:
                language.untold(site)
            return
        pending = rest


def _settled(pending: Sequence[Site], kinds: dict[int, str], language: Language) -> list[Site]:
    """Settle the calls whose operands are known; the others remain."""
    rest: list[Site] = []
    blocked: set[int] = set()
    for site in pending:
        ready = id(site.node) not in blocked and all(id(node) in kinds for node in _wanted(site, language, kinds))
        if not ready:
            rest.append(site)
            blocked.update(id(node) for node in language.around(site.node))
            continue
        kind = _settle(site, kinds, language)
        if kind:
            kinds[id(site.node)] = kind
    return rest


def _wanted(site: Site, language: Language, kinds: Mapping[int, str] | None = None) -> list[Any]:
    """The nodes whose types a call needs and that do not say it themselves."""
    call = _call(site, kinds or {}, language)
    nodes = [site.operands[number] for number in RULES[site.name].wanted(call) if not call.operands[number].kind]
    return [language.same(node) for node in nodes]


def _call(site: Site, kinds: Mapping[int, str], language: Language) -> Call:
    operands = []
    for node in site.operands:
        operand = node if isinstance(node, Operand) else language.known(node)
        kind = operand.kind or ("" if isinstance(node, Operand) else kinds.get(id(language.same(node)), ""))
        operands.append(Operand(kind, operand.value, operand.text))
    return Call(site.name, operands, site.compared, is_zoned(), is_deep())


def _settle(site: Site, kinds: Mapping[int, str], language: Language) -> str:
    """Correct one call; the type of its result, empty if the engine must be asked."""
    rule, call = RULES[site.name], _call(site, kinds, language)
    if rule.strict and any(not call.kind(number) for number in rule.wanted(call)):
        language.untold(site)
        return ""
    try:
        fix = rule.make(call)
    except IndexError:  # too few operands, which the engine says
        return ""
    if fix is None or not _fits(fix, call):
        return ""
    if fix.template or fix.inner or fix.around or fix.still:
        language.put(site, fix)
    return fix.kind


def _fits(fix: Fix, call: Call) -> bool:
    """Whether the call has all operands that the template takes."""
    return all(int(number) <= len(call.operands) for number in re.findall(r"\$([1-9])", fix.template))
