"""What of a clip is kept in time: one codec a file."""
