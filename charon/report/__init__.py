"""Results as tables and figures: reads what a study left, with pandas and matplotlib alone."""
