"""`brickyard workspace audit`: what was changed and what was refused in a local workspace."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from brickyard.workspace.identity.audit import AuditEvent

__all__ = ["audit"]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _moment(context: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """A date and time, or how long ago; as epoch milliseconds."""
    if value is None:
        return None
    ago = re.fullmatch(r"(\d{1,6})([smhdw])", value)
    try:
        if ago:
            moment = datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            moment = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            f"{value!r} is neither a time (2030-01-31T12:00) nor how long ago (90s, 15m, 2h, 7d)"
        ) from error
    return int(moment.timestamp() * 1000)


@click.command(short_help="Show what was changed and refused in workspace NAME.")
@click.argument("name")
@click.option(
    "--since", metavar="TIME", callback=_moment, help="From this time on: 2030-01-31T12:00, or 2h for two hours ago."
)
@click.option("--until", metavar="TIME", callback=_moment, help="Before this time.")
@click.option("--principal", help="Of this user, or service principal by its application id.")
@click.option("--action", help="Of this operation (secrets.put_secret), or of this family (secrets).")
@click.option("--object", "thing", help="With this text in what it was done to (job_id=12).")
@click.option("--status", type=click.IntRange(100, 599), help="With this HTTP status.")
@click.option("--refused", is_flag=True, help="Only what was refused: nobody signed in (401), or no permission (403).")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="A line for people, or a JSON object."
)
def audit(name: str, thing: str | None, follow: bool, output: str, **wanted: Any) -> None:
    """Show what was changed and what was refused in workspace NAME: a line for each, oldest first.

    It is read from the workspace's database, whether the workspace runs or not. Each change and each refusal has its
    time, who it was, from which address, what was done to which object, and how it ended.
    """
    from brickyard.workspace.identity.audit import AuditFilter, events
    from brickyard.workspace.layout import Layout
    from brickyard.workspace.process import status
    from brickyard.workspace.store import Reader

    layout = Layout(status(name).root)
    record = Reader(layout.read_settings().database_url or layout.database)
    try:
        for event in events(record, AuditFilter(object=thing, **wanted), follow=follow):
            click.echo(_json(event) if output == "json" else _text(event))
    except KeyboardInterrupt:  # how following ends
        return
    finally:
        record.close()


def _time(event: AuditEvent) -> str:
    moment = datetime.fromtimestamp(event.time / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(event: AuditEvent) -> str:
    return json.dumps({"time": _time(event), **{k: v for k, v in asdict(event).items() if k != "time"}})


def _text(event: AuditEvent) -> str:
    result = f"{event.status} {event.error_code}".strip()
    parts = (_time(event), event.principal, event.source_address, event.action, event.object, result)
    return "  ".join("".join(c if c.isprintable() else repr(c)[1:-1] for c in part) or "-" for part in parts)
