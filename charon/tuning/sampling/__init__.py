"""Optuna: samplers, suggestions and their database."""
