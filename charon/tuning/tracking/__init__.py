"""MLflow: sender, store, runs and their view."""
