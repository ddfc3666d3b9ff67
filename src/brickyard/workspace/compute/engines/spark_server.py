"""A server of Apache Spark, which does for its clients itself what other engines are told to do."""

from __future__ import annotations

from brickyard.workspace.compute.engines.base import Address, Work

__all__ = ["SparkServer"]


class SparkServer:
    """A Spark Connect server that sessions share; it ends without us, or with the gateway."""

    def __init__(self, address: Address) -> None:
        self._address = address

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self._address

    @property
    def kept(self) -> None:
        """It removes what it keeps."""

    def interrupt(self, timeout: float) -> Work:
        """Nothing: Spark does it when it is asked to in the client's words."""
        return Work()

    def import_from(self, entry: str) -> None:
        """Nothing: clients' files go to Spark as they are."""

    def work_in(self, directory: str) -> None:
        """Nothing: they are sent as they are."""

    def ended(self, timeout: float = 0) -> str | None:
        """Nobody tells."""
        return None

    def kill(self) -> None:
        """Nothing: other sessions use it."""
