"""The errors a caller may want to catch. Each message is one sentence a person can act on."""


class CharonError(Exception):
    """Base of every error that is about the user's input or surroundings, not about a bug.

    The command lines print such an error as one line and exit with status 1.
    """


class DataError(CharonError):
    """A source of clips cannot be used: a file, a field or a value in it is wrong."""


class ConfigError(CharonError, ValueError):
    """A setting is unknown, out of its range, or does not fit the data."""


class DivergenceError(CharonError):
    """Training produced a loss that is not finite."""


class CheckpointError(CharonError):
    """A checkpoint is missing, incomplete, or was written for another run."""
