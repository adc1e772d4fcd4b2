"""Check that clips fit the model of a finished run."""

from pathlib import Path

from charon.data.source import Description
from charon.errors import DataError
from charon.training.artifacts import Model


def check_fits(model: Model, about: Description, path: str, folder: Path) -> None:
    """Check that the model takes clips of this kind.

    Raises:
        DataError: the clips have another number of joints, coordinates or bodies.
    """
    channels, _, joints, bodies = model.clip_shape
    if (about.num_channels, about.num_joints, about.num_bodies) != (channels, joints, bodies):
        raise DataError(
            f"{path} has clips of joints x coordinates x bodies = {about.num_joints} x "
            f"{about.num_channels} x {about.num_bodies}, but the model in {folder} takes {joints} "
            f"x {channels} x {bodies}; use clips of that kind, or a model that learned this kind."
        )
