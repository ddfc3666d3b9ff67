"""MLflow tracking and model registry behind the vendor's registry surfaces."""

__all__: list[str] = []
