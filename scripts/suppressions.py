"""Refuse lint and type suppressions beyond the ones listed in `scripts/suppressions.txt`.

A suppression hides a fault from everyone after; a new one has to be written into the list, with its reason.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = ROOT / "scripts" / "suppressions.txt"
PATTERN = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no cover|mypy:|ruff:|pylint:)")


def main() -> int:
    """Compare what is in the tree with what is allowed; both ways, so that the list cannot rot."""
    allowed = {line.split("  ", 1)[0] for line in ALLOWED.read_text().splitlines() if line and not line.startswith("#")}
    found = {}
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.split():
        if name == "scripts/suppressions.py" or not (ROOT / name).exists():
            continue
        for number, line in enumerate((ROOT / name).read_text().splitlines(), start=1):
            if PATTERN.search(line):
                found[f"{name}: {line.strip()}"] = number
    for key in sorted(set(found) - allowed):
        print(f"{key.split(': ', 1)[0]}:{found[key]}: new suppression: {key.split(': ', 1)[1]}")
    for key in sorted(allowed - set(found)):
        print(f"{ALLOWED.name}: no longer needed: {key}")
    return 1 if set(found) ^ allowed else 0


if __name__ == "__main__":
    sys.exit(main())
