"""The errors a caller may catch; each message is a sentence that says what to do."""


class CharonError(Exception):
    """Base of errors in the user's input or environment.

    The command lines print the message as one line and exit with status 1.
    """


class DataError(CharonError):
    """A source of clips cannot be used: a file, a field or a value in it is wrong."""


class ConfigError(CharonError, ValueError):
    """A field is unknown, out of its range, or does not fit the data."""


class DivergenceError(CharonError):
    """Training produced a loss that is not finite."""


class CheckpointError(CharonError):
    """A checkpoint is missing, incomplete, or was written for another run."""
