"""Before the first trial: options, data, planning, resume and the dry run."""
