"""Run the command line as ``python -m wlmsim``."""

from wlmsim.cli import main

main()
