"""Prepared sets on disk, which every trial memory-maps."""
