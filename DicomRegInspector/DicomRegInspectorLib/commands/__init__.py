"""The commands of the command line: what each understands, does and prints."""
