"""Raw recordings: bodies and their joints by frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Recording:
    """The output of a camera's software; an appearance is a body in a frame."""

    name: str  # for errors, usually the path of the file
    num_frames: int  # those without a body included
    frame: NDArray[np.int64]  # (appearance,), ascending, in range(num_frames)
    body_id: tuple[str, ...]  # of each appearance (17 digits in NTU RGB+D)
    xyz: NDArray[np.float32]  # (appearance, 25, 3), metres; y up, z away from the camera
