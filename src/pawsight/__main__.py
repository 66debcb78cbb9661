"""`python -m pawsight` is the command `pawsight`."""

from pawsight.cli.main import main

if __name__ == "__main__":
    main()
