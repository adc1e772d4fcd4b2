"""Detected 2-D joints with scores: absent joints, the two bodies, the origin."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from charon.data.actors import two_bodies
from charon.data.source import Scores


class ScoreChoice(NamedTuple):
    """What becomes of scores; see :class:`charon.data.source.Reading`."""

    scores: Scores = "threshold"
    min_score: float = 0.01  # PYSKL's threshold, in PreNormalize2D

    def __str__(self) -> str:
        """Return it as a note on a set."""
        kept = ", and scores are the third channel" if self.scores == "channel" else ""
        return f"joints with a score of at most {self.min_score:g} are absent{kept}"


def place_joints(
    x: NDArray[np.float32], score: NDArray[np.float32], choice: ScoreChoice, centre_joint: int
) -> NDArray[np.float32] | None:
    """Return a clip of at most two bodies with its origin at a joint of the first.

    Absent joints lie at the origin; a body without a joint in a frame is all zeros there. Of
    more than two bodies, the two whose scores have the largest sum are kept. Where the first
    never has the centre joint, the mean of its joints in its first frame is the origin.

    Args:
        x: (frame, body, joint, 2).
        score: (frame, body, joint).
        choice: the threshold, and whether the scores become the third channel.
        centre_joint: its first position becomes the origin.

    Returns:
        (frame, body, joint, 2 or 3), or None where no joint is present.
    """
    score = np.where(score > choice.min_score, score, np.float32(0))
    weight = score.sum(axis=(0, 2))
    if x.shape[1] == 2 and weight[0] == 0:
        x, score = x[:, ::-1], score[:, ::-1]
    x, score = two_bodies(x, weight), two_bodies(score[..., None], weight)[..., 0]
    present: NDArray[np.bool_] = np.asarray(score > 0)
    if not present.any():
        return None
    if present[:, 0, centre_joint].any():
        origin = x[present[:, 0, centre_joint].argmax(), 0, centre_joint]
    else:
        first = present[:, 0].any(axis=1).argmax()
        origin = x[first, 0, present[first, 0]].mean(axis=0)
    placed = np.where(present[..., None], x - origin, 0)
    if choice.scores == "channel":
        placed = np.concatenate([placed, score[..., None]], axis=3)
    return placed.astype(np.float32)
