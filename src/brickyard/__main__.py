"""Run the command line: `python -m brickyard`."""

from brickyard.cli.main import main

main()
