"""Raw recordings: bodies and their joints by frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Recording:
    """The output of a camera's software; an appearance is a body in a frame.

    Attributes:
        name: what error messages call the recording, usually the path of its file.
        num_frames: frames of the recording, those without a body included.
        frame: int64 (appearance,), ascending, in ``range(num_frames)``.
        body_id: one id for each appearance (17 digits in NTU RGB+D).
        xyz: float32 (appearance, 25, 3), metres; y up, z away from the camera.
    """

    name: str
    num_frames: int
    frame: NDArray[np.int64]
    body_id: tuple[str, ...]
    xyz: NDArray[np.float32]
