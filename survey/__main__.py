"""`python -m survey` is the command `espejo`."""

from survey.cli import main

main()
