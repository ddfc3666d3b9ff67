"""Take machine-learning projects from notebook to production; the same files run on a laptop first."""

__all__ = ["__version__"]

__version__ = "0.1.0"
