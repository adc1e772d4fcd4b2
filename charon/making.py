"""From a run's description to its learner, for learning and for predicting alike."""

import torch

from charon.config import Run
from charon.learners import LEARNERS
from charon.learners.base import Learner, Setup
from charon.model.network import Network
from charon.rotation import RandomRotation
from charon.seeding import torch_generator


def make_learner(
    run: Run, clip_shape: tuple[int, int, int, int], num_classes: int, device: torch.device
) -> Learner:
    """Return the run's learner, untrained.

    Args:
        run: which method, network and optimiser.
        clip_shape: (channel, frame, joint, body).
        num_classes: of the whole stream.
        device: where to compute.

    Raises:
        ConfigError: the settings do not fit the clips.
    """
    channels, frames, joints, bodies = clip_shape

    def make_network(*, with_decoder: bool) -> Network:
        return Network(
            num_classes=num_classes,
            num_channels=channels,
            num_frames=frames,
            num_joints=joints,
            num_bodies=bodies,
            size=run.model.size,
            frames_per_tuple=run.model.frames_per_tuple,
            with_decoder=with_decoder,
            attention=run.model.attention,
            time_encoding=run.model.time_encoding,
            presence=run.model.presence,
            generator=torch_generator(run.seed, "weights"),
        ).to(device)

    setup = Setup(
        make_network=make_network,
        clip_shape=clip_shape,
        num_classes=num_classes,
        learning_rate=run.optimiser.learning_rate,
        epochs=run.optimiser.epochs,
        augment=RandomRotation(run.data.rotation, torch_generator(run.seed, "rotation")),
        seed=run.seed,
        device=device,
    )
    return LEARNERS[run.learner_name].learner(setup, run.learner)
