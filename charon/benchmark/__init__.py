"""Benchmarks of the learning core: seconds and work of its steps, with torch and numpy alone."""
