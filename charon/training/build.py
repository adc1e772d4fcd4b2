"""Build the learner that a run describes, to train it or to predict with it."""

from collections.abc import Mapping
from functools import partial

import torch

from charon.augmentation import RandomRotation
from charon.clips import ClipShape
from charon.config import Run
from charon.data.class_orders import task_classes
from charon.learners import LEARNERS
from charon.learners.base import Learner, Setup
from charon.model.backbone import Bones
from charon.model.network import Network
from charon.optimiser import Optimiser
from charon.seeding import torch_generator


def make_learner(
    run: Run,
    clip_shape: ClipShape,
    num_classes: int,
    parts: Mapping[str, tuple[int, ...]],
    device: torch.device,
    bones: Bones = (),
) -> Learner:
    """Return the run's learner, untrained, for the classes of the whole stream.

    ``parts`` has the joints of each part of the body, by name, ``bones`` the (parent, child)
    joints of each bone; both may be empty.

    Raises:
        ConfigError: the run's fields do not fit the clips.
    """
    is_one = run.data.stream == "joint" or run.data.domain != "none"
    per_task = num_classes if is_one else run.data.classes_per_task
    setup = Setup(
        make_network=partial(make_network, run, clip_shape, num_classes, device, bones=bones),
        clip_shape=clip_shape,
        num_classes=num_classes,
        tasks=task_classes(num_classes, per_task),
        parts=parts,
        make_optimiser=partial(Optimiser, run.optimiser),
        epochs=run.optimiser.epochs,
        augment=RandomRotation(
            run.data.rotation,
            torch_generator(run.seed, "rotation"),
            num_coordinates=2 if run.data.scores == "channel" else None,
        ),
        seed=run.seed,
        device=device,
    )
    return LEARNERS[run.learner_name].learner(setup, run.learner)


def make_network(
    run: Run,
    clip_shape: ClipShape,
    num_classes: int,
    device: torch.device,
    *,
    bones: Bones = (),
    with_decoder: bool,
) -> Network:
    """Return the run's network on the device, with the same weights at every call."""
    network = Network(
        run.model,
        clip_shape,
        num_classes,
        bones=bones,
        with_decoder=with_decoder,
        generator=torch_generator(run.seed, "weights"),
    )
    return network.to(device)
