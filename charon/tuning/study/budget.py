"""The memory budget of a search in bytes, as a study or ``--budget`` writes it."""

from charon.errors import ConfigError

START = "start"
"""As many bytes as the memory of the first trial takes."""

NONE = "none"

_UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "B": 1}


def parse_bytes(text: str) -> int:
    """Read a number of bytes such as ``"500kB"``, ``"1.5MB"`` or ``"72000"``.

    Raises:
        ConfigError: ``text`` is not a number of at least one byte.
    """
    number = text.strip()
    unit = next((u for u in _UNITS if number.endswith(u)), "")
    try:
        value = float(number.removesuffix(unit)) * _UNITS.get(unit, 1)
    except ValueError:
        value = 0.0
    if not 1 <= value < float("inf"):
        raise ConfigError(
            "A budget is a number of bytes such as 72000, 500kB or 1.5MB, or `start` or `none`, "
            f"but got {text!r}."
        )
    return int(value)
