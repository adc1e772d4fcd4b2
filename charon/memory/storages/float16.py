"""Half precision: numbers of 11 significant bits."""

from typing import ClassVar

from torch import Tensor

from charon.memory.storage import Storage


class Float16(Storage):
    """2 bytes a number, rounded to 11 significant bits: 0.5 mm at 2 m."""

    description: ClassVar[str] = "float16"

    def pack(self, values: Tensor) -> tuple[Tensor, ...]:
        """Return the numbers in float16."""
        return (values.half(),)

    def unpack(self, parts: tuple[Tensor, ...]) -> Tensor:
        """Return the numbers in float32."""
        (values,) = parts
        return values.float()
