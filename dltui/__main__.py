"""`python -m dltui` is `dltui`."""

from dltui.tui.cli.entry import main

if __name__ == "__main__":
    main()
