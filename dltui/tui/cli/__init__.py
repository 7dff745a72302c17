"""The command line: a module per subcommand, imported when it is called."""
