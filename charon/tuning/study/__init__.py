"""What a study declares: its trials, search space, objectives and scale."""
