"""The process of an engine: prints where it listens."""

from __future__ import annotations

import sys
from pathlib import Path

from brickyard.workspace.compute.engine import EngineConfig, serve


def main() -> None:
    host, token, data, scratch = sys.argv[1:]
    serve(EngineConfig(host, token, Path(data), Path(scratch)), lambda url: print(url, flush=True))


if __name__ == "__main__":
    main()
