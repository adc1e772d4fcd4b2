"""The report of a search: its winner, how it was selected, and what it is worth."""
