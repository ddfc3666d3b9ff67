"""Thread caps for code that scores beside something else.

OpenMP's waiting threads spin: on two cores with another process busy, one LightGBM row took 8 to 11 ms with
two threads and 16 microseconds with one. So scoring uses one thread per library unless the user says otherwise.
"""

from __future__ import annotations

import os

__all__ = ["cap_threads"]

_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def cap_threads() -> None:
    """Ask numeric libraries for one passive thread; call it before the first of them is imported.

    A value that the user has set in the environment is kept.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
