"""Single precision: numbers as they are."""

from torch import Tensor

from charon.memory.storage import Storage


class Float32(Storage):
    """4 bytes a number, as it is."""

    def pack(self, values: Tensor) -> tuple[Tensor, ...]:
        """Return the numbers."""
        return (values,)

    def unpack(self, parts: tuple[Tensor, ...]) -> Tensor:
        """Return the numbers."""
        (values,) = parts
        return values
