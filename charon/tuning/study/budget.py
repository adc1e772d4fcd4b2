"""How many bytes the memories of a search may take, known before a setting runs."""

from charon.errors import ConfigError

START = "start"
"""The budget that is the bytes of the setting a search begins with."""

NONE = "none"

_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}


def parse_bytes(text: str) -> int:
    """Read a number of bytes such as ``"500kB"``, ``"1.5MB"`` or ``"72000"``.

    Raises:
        ConfigError: it is none.
    """
    number = text.strip()
    unit = next((u for u in ("kB", "MB", "GB", "B") if number.endswith(u)), "")
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
