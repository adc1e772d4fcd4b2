"""After a search: the winner, the protocol gap, the confirm stage."""
