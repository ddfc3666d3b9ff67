"""Addresses of Azure Key Vaults: a scope may send the workspace to a vault, and to nothing else."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from brickyard.workspace.api.errors import InvalidParameterValue

__all__ = ["HOSTS_VARIABLE", "KeyVaultAddress"]

#: Hosts of vaults elsewhere (a private cloud), separated by commas; set for the workspace's process.
HOSTS_VARIABLE = "BRICKYARD_KEY_VAULT_HOSTS"
# Of the public cloud and the sovereign ones: https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates
_HOST = re.compile(r"[a-z][a-z0-9-]{1,22}[a-z0-9]\.vault\.(?:azure\.net|azure\.cn|usgovcloudapi\.net)")
_RESOURCE = re.compile(
    r"/subscriptions/[^/\s]+/resourceGroups/[^/\s]+/providers/Microsoft\.KeyVault/vaults/[A-Za-z0-9-]{3,24}",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class KeyVaultAddress:
    """A vault, as it is written in a scope.

    Attributes:
        resource_id: Its id in Azure.
        dns_name: Its address, for example `https://my-vault.vault.azure.net/`.
    """

    resource_id: str
    dns_name: str

    @property
    def url(self) -> str:
        """Where its API is; the same for every way of writing the address.

        Raises:
            InvalidParameterValue: It is not, or no longer, an address of a vault.
        """
        try:
            parts = urlsplit(self.dns_name)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError as error:
            raise _refused(self.dns_name) from error
        rest = (parts.username, parts.password, parts.query, parts.fragment, parts.path.strip("/"))
        authority = host if port in (None, 443) else f"{host}:{port}"
        known = (_HOST.fullmatch(host) and authority == host) or authority in _allowed()
        if parts.scheme.lower() != "https" or any(rest) or not known:
            raise _refused(self.dns_name)
        return f"https://{authority}"

    def check(self) -> None:
        """Refuse what is not the address of a vault.

        Raises:
            InvalidParameterValue: It is not one of a vault.
        """
        if not _RESOURCE.fullmatch(self.resource_id):
            raise InvalidParameterValue(
                f"backend_azure_keyvault.resource_id {self.resource_id!r} is not the id of a Key Vault:"
                " /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.KeyVault/vaults/<name>"
            )
        _ = self.url


def _allowed() -> set[str]:
    return {host.strip().lower() for host in os.environ.get(HOSTS_VARIABLE, "").split(",") if host.strip()}


def _refused(dns_name: str) -> InvalidParameterValue:
    return InvalidParameterValue(
        f"backend_azure_keyvault.dns_name {dns_name[:200]!r} is not the address of an Azure Key Vault, such as"
        f" https://<name>.vault.azure.net/; name other hosts in {HOSTS_VARIABLE} where the workspace is started"
    )
