"""CHARON Studies: class-incremental learning of skeleton actions, and studies of its settings."""
