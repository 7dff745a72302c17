"""`python -m dltui` is `dltui`."""

from dltui.tui.cli.main import main

if __name__ == "__main__":
    main()
