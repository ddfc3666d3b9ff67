"""What differs from database to database: a module for each."""

__all__: list[str] = []
