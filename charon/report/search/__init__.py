"""The report of a search: who won and how, what it is worth, and pictures of the trials."""
