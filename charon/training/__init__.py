"""Training: the stream of tasks, evaluation after each, checkpoints and artifacts."""
