"""Ray itself: start and stop, resources, cost of a trial, packing of GPUs."""
