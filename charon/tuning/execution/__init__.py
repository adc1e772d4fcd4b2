"""Ray Tune: the trainable, callbacks, ASHA, the searcher and the runner."""
