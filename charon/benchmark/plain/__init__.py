"""Plain versions of what is fast elsewhere: the tests' oracles, and what the benchmark times."""
