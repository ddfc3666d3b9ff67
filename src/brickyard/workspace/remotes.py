"""How clients of Spark Connect are told where a workspace is."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

__all__ = ["spark_remote"]


def spark_remote(url: str, token: str) -> str:
    """The connection string of a workspace, as `SPARK_REMOTE` has it.

    Over plain HTTP the token goes as metadata: with `token=` clients before Spark 4 ask for TLS, whatever the host.
    """
    parts = urlsplit(url)
    given = f"token={quote(token, safe='')};use_ssl=true"
    if parts.scheme != "https":
        given = f"x-brickyard-token={quote(token, safe='')}"
    return f"sc://{parts.netloc}/;{given}"
