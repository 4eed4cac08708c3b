"""`python -m rectool`."""

from .cli import main

main(prog_name="rectool")
