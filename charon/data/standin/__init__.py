"""The embedded stand-in for NTU RGB+D: synthetic people."""
