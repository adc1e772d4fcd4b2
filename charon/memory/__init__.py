"""The memory of past clips: what is kept, how it is thinned in time, how it is drawn."""
