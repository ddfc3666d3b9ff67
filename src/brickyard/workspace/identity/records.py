"""Users, service principals and groups, as administrators see and change them."""

from __future__ import annotations

from dataclasses import dataclass

from brickyard.workspace.identity.principals import Kind

__all__ = ["Account", "Group", "Link"]


@dataclass(frozen=True)
class Link:
    """A user, service principal or group, as another one refers to it.

    Attributes:
        id: Its number.
        kind: What it is.
        name: What people call it.
        direct: Whether the membership is its own, and not one through another group.
    """

    id: int
    kind: Kind = Kind.USER
    name: str = ""
    direct: bool = True


@dataclass(frozen=True)
class Account:
    """A user or a service principal.

    Attributes:
        id: Its number; 0 before it is created.
        kind: User or service principal.
        user_name: The user's e-mail address; of a service principal, its application id.
        display_name: What people call it.
        active: Whether it may come in.
        external_id: Its number elsewhere.
        given_name: The user's first name.
        family_name: The user's last name.
        entitlements: What it was entitled to, not counting its groups.
        roles: Its roles.
        groups: The groups that it belongs to. Of one that is written, only the direct ones count.
    """

    id: int
    kind: Kind
    user_name: str
    display_name: str
    active: bool = True
    external_id: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    entitlements: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    groups: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Group:
    """A group.

    Attributes:
        id: Its number; 0 before it is created.
        display_name: Its name.
        external_id: Its number elsewhere.
        entitlements: What its members are entitled to.
        roles: Its roles.
        members: Users, service principals and groups in it, not counting those in its groups.
        groups: The groups that it belongs to.
    """

    id: int
    display_name: str
    external_id: str | None = None
    entitlements: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    members: tuple[Link, ...] = ()
    groups: tuple[Link, ...] = ()
