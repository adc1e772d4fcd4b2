"""Clips: sources, preparation, cache, protocols, class orders, transforms, the stand-in."""
