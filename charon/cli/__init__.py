"""The command `charon`."""
