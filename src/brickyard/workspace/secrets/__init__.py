"""Secret scopes and values, encrypted at rest."""

from brickyard.workspace.secrets.service import SecretKey, Secrets, build

__all__ = ["SecretKey", "Secrets", "build"]
