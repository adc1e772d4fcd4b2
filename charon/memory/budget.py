"""How much a memory may hold: a number of clips or of bytes."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Budget:
    """A limit, in units of which every clip takes some.

    The units are clips where all clips take as much, else bytes.

    Attributes:
        limit: units in all.
        per_clip: units of a clip, whoever is in it.
        per_body: units of each of its present bodies; a clip without any counts as one with one.
    """

    limit: int
    per_clip: int = 1
    per_body: int = 0

    @staticmethod
    def of_bytes(num_bytes: int, per_clip: int, per_body: int = 0) -> "Budget":
        """Return the budget of so many bytes, for clips and bodies of these bytes."""
        if per_body == 0:
            return Budget(num_bytes // per_clip)
        return Budget(num_bytes, per_clip, per_body)

    @property
    def is_even(self) -> bool:
        """Whether all clips take as much."""
        return self.per_body == 0

    @property
    def most_clips(self) -> int:
        """The most clips that fit: those of one body each."""
        return self.most_clips_in(self.limit)

    def most_clips_in(self, share: int) -> int:
        """Return the most clips that fit a share of the budget, in its units."""
        return share // (self.per_clip + self.per_body)

    def most_bodies(self, num_bodies: int) -> int:
        """Return the most present bodies that fit, of clips of ``num_bodies`` at most."""
        return self.limit * num_bodies // (self.per_clip + num_bodies * self.per_body)

    def costs(self, present: Tensor) -> Tensor:
        """Return the units of clips, int64 (clip,), given which bodies are there, (clip, body)."""
        return self.per_clip + self.per_body * present.sum(dim=1).clamp(min=1)
