"""Fast ways of what the network computes, equal to the plain ones."""
