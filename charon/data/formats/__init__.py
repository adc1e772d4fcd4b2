"""File formats of skeleton clips, one a file."""
