"""The program `dbt`, with connections to the workspace by REST; for the interpreter that has dbt, and not Brickyard.

The workspace speaks plain HTTP on a port of its own and has no Thrift, while the adapter for Databricks connects by
Thrift, to the port 443, unless it is told otherwise.
"""

from __future__ import annotations

import importlib
import os
import sys
from functools import wraps
from typing import Any
from urllib.parse import urlsplit


def main() -> None:
    """Execute dbt with this program's arguments."""
    sys.path.pop(0)  # the directory of this program, whose modules are not dbt's
    _connect_by_rest(os.environ["DBT_HOST"], os.environ["DATABRICKS_HOST"].rstrip("/"))
    sys.argv[0] = "dbt"
    importlib.import_module("dbt.cli.main").cli()


def _connect_by_rest(host: str, url: str) -> None:
    """Have connections to this host go to the URL; another adapter than that for Databricks needs nothing."""
    try:
        sql: Any = importlib.import_module("databricks.sql")
        client_type: Any = importlib.import_module("databricks.sql.backend.sea.utils.http_client").SeaHttpClient
    except ImportError:
        return
    connect, begin, address = sql.connect, client_type.__init__, urlsplit(url)

    @wraps(connect)
    def connected(server_hostname: str, *arguments: Any, **options: Any) -> Any:
        return connect(server_hostname, *arguments, **({"use_sea": True} if server_hostname == host else {}) | options)

    @wraps(begin)
    def begun(client: Any, server_hostname: str, *arguments: Any, **options: Any) -> None:
        begin(client, server_hostname, *arguments, **options)
        if server_hostname == host:
            client.base_url, client.scheme, client.port = url, address.scheme, address.port
            client._open()

    sql.connect, client_type.__init__ = connected, begun


if __name__ == "__main__":
    main()
