"""The far side of the screens of other hosts: `dltui serve-stdio`."""
