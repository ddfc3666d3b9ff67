"""The fields of a secret scope in the bundle format, which names them unlike the vendor's API."""

from __future__ import annotations

from dataclasses import dataclass

from databricks.sdk.service.workspace import AzureKeyVaultSecretScopeMetadata, ScopeBackendType

__all__ = ["SecretScope"]


@dataclass(frozen=True)
class SecretScope:
    """A secret scope.

    Args:
        name: The scope's name in the workspace.
        backend_type: Who keeps the secrets: the workspace, or an Azure Key Vault.
        keyvault_metadata: Which key vault, where one keeps them.
    """

    name: str
    backend_type: ScopeBackendType | None = None
    keyvault_metadata: AzureKeyVaultSecretScopeMetadata | None = None
