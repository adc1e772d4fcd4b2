"""A study's folder: the journal, the plan, the tables, heartbeats and the lock."""
