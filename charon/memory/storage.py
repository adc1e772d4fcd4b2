"""The interface of storages: with how many bits the numbers of a codec are stored."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor


class Storage(ABC):
    """Packs numbers; ``pack`` and ``unpack`` are inverse up to rounding.

    Attributes:
        num_parts: tensors that numbers are packed into.
        description: a few words; empty for numbers as they are.
    """

    num_parts: ClassVar[int] = 1
    description: ClassVar[str] = ""

    @abstractmethod
    def pack(self, values: Tensor) -> tuple[Tensor, ...]:
        """Pack float32 (clip, channel, kept, joint, body); the first axis of all parts is the clip.

        The shapes and types of the result depend on the shape of a clip alone.
        """

    @abstractmethod
    def unpack(self, parts: tuple[Tensor, ...]) -> Tensor:
        """Return the float32 numbers of :meth:`pack`'s parts, rounded."""
