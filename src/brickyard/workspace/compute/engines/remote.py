"""An engine elsewhere: any Spark Connect server, as a team's cluster is."""

from __future__ import annotations

import socket

from brickyard.workspace.compute.engines.base import Address, Capabilities
from brickyard.workspace.compute.engines.spark_server import SparkServer

__all__ = ["RemoteEngine"]

_PROBE_SECONDS = 5


class RemoteEngine:
    """Sends plans on as they are: names and paths are the remote's own.

    Args:
        url: `sc://host:port/;token=...;use_ssl=true`, with any further metadata.
    """

    capabilities = Capabilities("remote", is_spark=True, own_names=True)

    def __init__(self, url: str) -> None:
        from pyspark.sql.connect.client import DefaultChannelBuilder

        builder = DefaultChannelBuilder(url)
        given = builder._params
        metadata = [(key, value) for key, value in builder.metadata()]
        token = given.get("token")
        if token:
            metadata.append(("authorization", f"Bearer {token}"))
        self._address = Address(builder.endpoint, bool(builder.secure), tuple(metadata))

    def start(self) -> SparkServer:
        """The server, if it can be reached: a client would try for minutes.

        Raises:
            RuntimeError: It cannot.
        """
        host, _, port = self._address.target.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), _PROBE_SECONDS).close()
        except OSError as error:
            raise RuntimeError(
                f"The remote Spark engine at {self._address.target} cannot be reached ({error.strerror or error}). "
                "Check spark.brickyard.engine, the network and whether the cluster runs."
            ) from error
        return SparkServer(self._address)

    def close(self) -> None:
        """It is not ours."""
