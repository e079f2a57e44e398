"""Structures of the source frame carried over, and compared with those of the registered one."""
