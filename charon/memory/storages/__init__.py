"""With how many bits the numbers of a codec are stored: one storage a file."""
