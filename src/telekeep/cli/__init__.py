"""The command line: one file per command. `telekeep.cli.main` knows them by name, `telekeep.cli.output` prints."""
