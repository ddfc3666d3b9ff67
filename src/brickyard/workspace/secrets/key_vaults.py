"""Azure Key Vaults, read through the official client with the credential of who started the workspace.

The one adapter over Azure's libraries that the workspace needs is here and not in the tool's package of them: the
workspace imports nothing of the tool. The libraries are imported when a vault is read for the first time.
"""

from __future__ import annotations

import importlib
import logging
import os
import queue
import re
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from brickyard.workspace.api.errors import (
    ApiError,
    InvalidState,
    NotImplementedByWorkspace,
    PermissionDenied,
    ResourceExhausted,
)

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential
    from azure.keyvault.secrets import SecretClient

    from brickyard.workspace.secrets.key_vault_address import KeyVaultAddress

__all__ = ["CACHE_SECONDS", "KeyVaults", "require_libraries"]

CACHE_SECONDS = 30.0  # so long a value is answered from memory
_DEADLINE_SECONDS = 20.0  # of a whole call, with all that a credential may try
_MOST_CACHED = 1000
_LONGEST_WORDS = 600
# https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#object-identifiers
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_TRANSPORT = {"connection_timeout": 5, "read_timeout": 5, "retry_total": 1, "retry_status": 0, "retry_read": 0}
_PRIVATE = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD")

Result = TypeVar("Result")


class KeyVaults:
    """Reads secrets of vaults; values are kept in memory only, and for a short time.

    Args:
        clock: Seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._credential: DefaultAzureCredential | None = None
        self._clients: dict[str, SecretClient] = {}
        self._values: dict[tuple[str, str], tuple[float, bytes]] = {}

    def get(self, address: KeyVaultAddress, name: str) -> bytes | None:
        """The value of a secret; nothing where the vault has none of that name.

        Raises:
            InvalidState: The vault cannot be reached, or there is no credential.
            PermissionDenied: The credential may not read it.
            ResourceExhausted: The vault asks to try again later.
            NotImplementedByWorkspace: Azure's libraries are not installed.
        """
        url = address.url
        if not _NAME.fullmatch(name):
            return None  # no vault can have it
        known = self._values.get((url, name.lower()))
        if known is not None and known[0] > self._clock():
            return known[1]
        value = self._ask(url, lambda client: _value(client, name))
        if value is not None:
            self._remember((url, name.lower()), value)
        return value

    def list(self, address: KeyVaultAddress) -> list[tuple[str, int]]:
        """The names of a vault's secrets, and when each was changed, in epoch milliseconds.

        Raises:
            ApiError: As for `get`.
        """
        return self._ask(address.url, _names)

    def _remember(self, key: tuple[str, str], value: bytes) -> None:
        with self._lock:
            now = self._clock()
            self._values = {one: known for one, known in self._values.items() if known[0] > now}
            if len(self._values) < _MOST_CACHED:
                self._values[key] = (now + CACHE_SECONDS, value)

    def _ask(self, url: str, work: Callable[[SecretClient], Result]) -> Result:
        require_libraries()
        try:
            return _in_time(lambda: work(self._client(url)))
        except ApiError:
            raise
        except Exception as error:
            raise _explained(url, error) from error

    def _client(self, url: str) -> SecretClient:
        from azure.identity import DefaultAzureCredential
        from azure.keyvault.secrets import SecretClient

        with self._lock:
            if self._credential is None:
                self._credential = DefaultAzureCredential(process_timeout=5, **_TRANSPORT)
            if url not in self._clients:
                self._clients[url] = SecretClient(url, self._credential, permit_redirects=False, **_TRANSPORT)
            return self._clients[url]


def require_libraries() -> None:
    """Make sure that Azure's libraries are there, and that they do not tell the log what they send.

    Raises:
        NotImplementedByWorkspace: They are not installed.
    """
    try:
        for name in ("azure.identity", "azure.keyvault.secrets"):
            importlib.import_module(name)
    except ImportError as error:
        raise NotImplementedByWorkspace(
            "scopes of the backend AZURE_KEYVAULT need Azure's libraries, which are not installed:"
            " `pip install 'brickyard[azure]'`, and restart the workspace"
        ) from error
    for name in ("azure", "msal"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _value(client: SecretClient, name: str) -> bytes | None:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return (client.get_secret(name).value or "").encode()
    except ResourceNotFoundError:
        return None


def _names(client: SecretClient) -> list[tuple[str, int]]:
    found = []
    for one in client.list_properties_of_secrets():
        changed = one.updated_on or one.created_on
        found.append((one.name or "", int(changed.timestamp() * 1000) if changed else 0))
    return sorted(found)


def _in_time(work: Callable[[], Result]) -> Result:
    """The result of a call that may wait for many things, each within its own time, but not longer than this."""
    results: queue.SimpleQueue[tuple[Result | None, Exception | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            results.put((work(), None))
        except Exception as error:  # raised where the result is waited for
            results.put((None, error))

    threading.Thread(target=run, name="key-vault", daemon=True).start()
    try:
        value, error = results.get(timeout=_DEADLINE_SECONDS)
    except queue.Empty as late:
        raise TimeoutError(f"no answer within {_DEADLINE_SECONDS:g} s") from late
    if error is not None:
        raise error
    return cast(Result, value)


def _explained(url: str, error: Exception) -> ApiError:
    """What a caller is told; the words are the vendor's where it has some, followed by Azure's."""
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    status = error.status_code if isinstance(error, HttpResponseError) else None
    if status == 403:
        return PermissionDenied(
            f"Invalid permissions on the specified KeyVault {url}/. Give the workspace's credential the permissions"
            f" [Get, List] on secrets. Wrapped Message: Status code 403, {_words(error)}"
        )
    if status == 429:
        return ResourceExhausted(f"The KeyVault {url}/ has too many requests; try again later. {_words(error)}")
    if isinstance(error, ClientAuthenticationError):
        return InvalidState(
            f"Databricks could not access keyvault: {url}/. No credential of the workspace's process was accepted: set"
            " AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or `az login`, and start the workspace again."
            f" Azure says: {_words(error)}"
        )
    return InvalidState(f"Databricks could not access keyvault: {url}/. {_words(error)}")


def _words(error: Exception) -> str:
    """What an error says, in one line and without what the credential is made of."""
    words = " ".join(str(getattr(error, "message", None) or error).split()) or type(error).__name__
    for name in _PRIVATE:
        if os.environ.get(name):
            words = words.replace(os.environ[name], "[REDACTED]")
    return words[:_LONGEST_WORDS]
