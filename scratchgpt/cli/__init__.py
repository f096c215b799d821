"""The command line: one file per verb. Parse, build a configuration, call; nothing else."""
