"""`python -m mergec.cli`."""

from mergec.cli.main import main

main()
