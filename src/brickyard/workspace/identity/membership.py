"""Who belongs to which group, also through other groups, as of one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, select

from brickyard.workspace.store.identity import group_members

__all__ = ["Membership"]


class Membership:
    """All memberships, read in one transaction.

    Attributes:
        parents: The groups that a principal or group belongs to itself.
        members: What belongs to a group itself.
    """

    def __init__(self, connection: Connection) -> None:
        self.parents: dict[int, set[int]] = defaultdict(set)
        self.members: dict[int, set[int]] = defaultdict(set)
        for group_id, member_id in connection.execute(select(group_members.c.group_id, group_members.c.member_id)):
            self.parents[member_id].add(group_id)
            self.members[group_id].add(member_id)

    def above(self, member_id: int) -> set[int]:
        """All groups that a principal or group belongs to."""
        return _reached(member_id, self.parents)

    def below(self, group_id: int) -> set[int]:
        """All principals and groups that belong to a group."""
        return _reached(group_id, self.members)


def _reached(start: int, edges: Mapping[int, set[int]]) -> set[int]:
    found: set[int] = set()
    rest = list(edges.get(start, ()))
    while rest:
        one = rest.pop()
        if one not in found:
            found.add(one)
            rest += edges.get(one, ())
    return found
