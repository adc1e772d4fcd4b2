"""The optimiser of a learner: update rule, schedule, clipping, and an average of the weights.

All but plain SGD is off by default, as in the paper (Sec. 4.2). The average's source: Izmailov et
al., 2018; that evaluation alone may use it: Soutif-Cormerais et al., "Improving Online Continual
Learning Performance and Stability with Temporal Ensembles", 2023.
"""

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from charon.errors import ConfigError
from charon.settings import Settings, checked


@dataclass(frozen=True)
class OptimiserSettings(Settings):
    """Plain SGD, without momentum, decay or schedule (Sec. 4.2), unless said otherwise."""

    learning_rate: float = checked(0.05, "λ (Sec. 4.2)", above=0)
    batch_size: int = checked(16, "clips of the stream in a step (Sec. 4.2)", at_least=1)
    epochs: int = checked(30, "epochs of the main phase of each task (Sec. 4.2)", at_least=1)
    rule: Literal["sgd", "adamw"] = checked("sgd", "sgd (Sec. 4.2), or Adam with decoupled decay")
    momentum: float = checked(0.0, "momentum of sgd", at_least=0, below=1)
    nesterov: bool = checked(False, "whether that momentum looks ahead (Nesterov)")
    weight_decay: float = checked(
        0.0, "weight decay: sgd adds it to the gradient, adamw to the step", at_least=0
    )
    schedule: Literal["constant", "cosine"] = checked(
        "constant", "learning rate within each task's main phase; cosine falls to 0"
    )
    warmup: float = checked(
        0.0, "part of that phase in which the learning rate rises from 0", at_least=0, below=1
    )
    clip_norm: float | None = checked(
        None, "largest norm of the gradient of all weights; none: as it is", above=0
    )
    average_decay: float = checked(
        0.0,
        "decay in a step of the weights' average (EMA), used in evaluation; 0: no average",
        at_least=0,
        below=1,
    )
    statistics: Literal["running", "balanced"] = checked(
        "running",
        "batch norm's in evaluation: running means; or, from each main phase's end on, those of "
        "as many clips of each class from the task and the memory",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rule == "adamw" and self.momentum:
            raise ConfigError(
                f"momentum belongs to rule=sgd, but got momentum={self.momentum:g} with rule=adamw."
            )
        if self.nesterov and not self.momentum:
            raise ConfigError("nesterov=true needs a momentum above 0, but got momentum=0.")


class Optimiser:
    """Takes the steps of a network's weights, and averages them if the settings say so.

    Attributes:
        rule: torch's optimiser, of all weights.
    """

    def __init__(self, settings: OptimiserSettings, network: nn.Module) -> None:
        self.settings = settings
        self._network = network
        self.rule = self._make_rule()
        self._phase_steps = self._taken = 0
        self._averaged_steps = 0
        self._average: dict[str, Tensor] = {}

    def _make_rule(self) -> torch.optim.Optimizer:
        given, weights = self.settings, self._network.parameters()
        if given.rule == "adamw":
            return torch.optim.AdamW(
                weights, lr=given.learning_rate, weight_decay=given.weight_decay
            )
        return torch.optim.SGD(
            weights,
            lr=given.learning_rate,
            momentum=given.momentum,
            nesterov=given.nesterov,
            weight_decay=given.weight_decay,
            foreach=True,
        )

    @property
    def repeats(self) -> bool:
        """Whether every step is the same operations, so that a CUDA graph stands for all."""
        given = self.settings
        changes = (given.schedule != "constant", given.warmup, given.average_decay)
        return given.rule == "sgd" and not any(changes)

    def begin_phase(self, steps: int = 0) -> None:
        """Begin a main phase of so many steps, or with 0 a phase of constant learning rate."""
        self._phase_steps, self._taken = steps, 0
        for group in self.rule.param_groups:
            group["lr"] = self.settings.learning_rate

    def step(self, loss: Tensor) -> None:
        """Take a step down the gradient of a loss, a scalar."""
        self.rule.zero_grad()
        loss.backward()
        given = self.settings
        if given.clip_norm is not None:
            nn.utils.clip_grad_norm_(self._network.parameters(), given.clip_norm)
        if self._phase_steps and (given.schedule != "constant" or given.warmup):
            share = rate_share(
                (self._taken + 0.5) / self._phase_steps, given.schedule, given.warmup
            )
            for group in self.rule.param_groups:
                group["lr"] = given.learning_rate * share
        self.rule.step()
        self._taken += 1
        if given.average_decay:
            self._update_average()

    def _update_average(self) -> None:
        """Move the average towards the weights; of the first steps it is the plain mean."""
        weights = self._state()
        new = {name: weight for name, weight in weights.items() if not self._fits(name, weight)}
        self._average |= {name: weight.clone() for name, weight in new.items()}
        self._averaged_steps += 1
        share = max(1 - self.settings.average_decay, 1 / self._averaged_steps)
        self._average = {name: self._average[name] for name in weights}
        torch._foreach_lerp_(list(self._average.values()), list(weights.values()), share)

    def _fits(self, name: str, weight: Tensor) -> bool:
        return name in self._average and self._average[name].shape == weight.shape

    def _state(self) -> dict[str, Tensor]:
        """Return what is averaged, by name: weights, and batch norm's running statistics."""
        if self.settings.statistics == "balanced":  # they are nobody's average
            return {name: weight.detach() for name, weight in self._network.named_parameters()}
        state = self._network.state_dict()
        return {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Lend the network the averaged weights, if there are any, inside the block."""
        if not self._average:
            yield
            return
        weights = self._state()
        lent = {name: weights[name] for name in self._average if name in weights}
        own = {name: weight.clone() for name, weight in lent.items()}
        with torch.no_grad():
            for name, weight in lent.items():
                weight.copy_(self._average[name])
        try:
            yield
        finally:
            with torch.no_grad():
                for name, weight in lent.items():
                    weight.copy_(own[name])

    @property
    def average_bytes(self) -> int:
        """Bytes of the average; 0 without one."""
        averaged = self._state().values() if self.settings.average_decay else ()
        return sum(tensor.nbytes for tensor in averaged)

    def follow(self) -> None:
        """Let the rule know the weights there are now; those it knew keep their state."""
        known = self.rule.state
        self.rule = self._make_rule()
        for parameter in self._network.parameters():
            if parameter in known:
                self.rule.state[parameter] = known[parameter]

    def state_dict(self) -> dict[str, Any]:
        """Return copies of all that :meth:`load_state_dict` needs, between two phases."""
        return {
            "rule": copy.deepcopy(self.rule.state_dict()),
            "averaged_steps": self._averaged_steps,
            "average": {name: tensor.clone() for name, tensor in self._average.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same settings; the network has its weights already."""
        self.rule = self._make_rule()  # anew: a network that grows has other weights now
        self.rule.load_state_dict(state["rule"])
        self._averaged_steps = state["averaged_steps"]
        weights = self._state()
        self._average = {
            name: tensor.to(weights[name], copy=True) for name, tensor in state["average"].items()
        }


def rate_share(done: float, schedule: str, warmup: float) -> float:
    """Return the share of the learning rate when ``done``, in (0, 1), of a phase is over.

    It rises linearly over the first ``warmup``; then it stays 1, or falls to 0 as a cosine.
    """
    if done < warmup:
        return done / warmup
    if schedule == "constant":
        return 1.0
    return (1 + math.cos(math.pi * (done - warmup) / (1 - warmup))) / 2
