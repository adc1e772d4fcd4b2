"""CUDA graphs of a learner's steps: kernels recorded once, then launched all by one call.

A training step is more than a thousand short kernels, and launching them one by one takes the
host longer than computing takes the GPU. A graph repeats what was recorded, sizes included, so
there is a graph for each layout of what a step is given: numbers of clips, of second bodies,
replay or none. Nothing is padded, and the results are those without graphs.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import partial
from itertools import count
from typing import Any, Protocol

import torch
from torch import Tensor

Results = dict[str, Tensor]

MOST_GRAPHS = 64
"""Of a learner, each of which takes memory of the device: of 16 and 16 clips, a fifth with two
people, the most frequent 64 layouts are 99 % of the steps (with two replay draws, half).
"""


class Recorder(Protocol):
    """A way to take steps on a device."""

    def run(self, call: Callable[[], Results]) -> Results:
        """Call."""

    def record(self, call: Callable[[], Results]) -> Callable[[], Results]:
        """Return a function that repeats the call from now on; nothing is computed yet.

        The results it returns are new tensors every time.
        """


class CudaRecorder:
    """Records CUDA graphs on a stream of their own.

    They share one memory, since only one is replayed at a time and no other reads its tensors.
    """

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def run(self, call: Callable[[], Results]) -> Results:
        """Call on the stream that records, which makes ready what a recording must not make."""
        here = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream):
            results = call()
        here.wait_stream(self._stream)
        return results

    def record(self, call: Callable[[], Results]) -> Callable[[], Results]:
        """Record a call whose like has been :meth:`run` before."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
            results = call()

        def repeat() -> Results:
            graph.replay()
            return {name: result.clone() for name, result in results.items()}

        return repeat


class StepGraphs:
    """The graphs of a learner: a layout is recorded when it comes for the second time.

    A step is a function of tensors on the device, in tuples and dataclasses if need be, and of
    plain values. It must not draw random numbers, wait for the device or keep what it is given;
    what else it reads and changes, such as weights, it finds where it was when recorded.
    A copied or unpickled object has no graphs yet.
    """

    def __init__(self, make_recorder: Callable[[], Recorder]) -> None:
        self._make_recorder = make_recorder
        self.drop()

    def __reduce__(self) -> tuple[Any, ...]:
        return StepGraphs, (self._make_recorder,)

    def __len__(self) -> int:
        return len(self._graphs)

    def drop(self) -> None:
        """Forget all graphs: call it when weights or an optimiser were replaced."""
        self._recorder = self._make_recorder()
        self._buffers: dict[Any, Tensor] = {}
        self._seen: set[Any] = set()
        self._graphs: dict[Any, Callable[[], Results]] = {}

    def __call__(self, step: Callable[..., Results], given: tuple[Any, ...]) -> Results:
        """Return ``step(*given)``, by a graph if there is one or it is time to record it."""
        key = step.__name__, map_tensors(_layout, given)
        places = count()
        held = map_tensors(lambda tensor: self._hold(next(places), tensor), given)
        if key not in self._graphs:
            if key not in self._seen or len(self._graphs) == MOST_GRAPHS:
                self._seen.add(key)
                return self._recorder.run(partial(step, *held))
            self._graphs[key] = self._recorder.record(partial(step, *held))
        return self._graphs[key]()

    def _hold(self, place: int, tensor: Tensor) -> Tensor:
        """Copy a tensor to where graphs read what is given at this place in this layout."""
        key = place, _layout(tensor)
        if key not in self._buffers:
            self._buffers[key] = torch.empty_like(tensor)
        return self._buffers[key].copy_(tensor)


def _layout(tensor: Tensor) -> tuple[Any, ...]:
    return tensor.shape, tensor.stride(), tensor.dtype


def map_tensors(change: Callable[[Tensor], Any], given: Any) -> Any:
    """Return tuples and dataclasses with every tensor in them changed, in order."""
    if isinstance(given, Tensor):
        return change(given)
    if isinstance(given, tuple):
        return tuple(map_tensors(change, one) for one in given)
    if is_dataclass(given) and not isinstance(given, type):
        parts = {field.name: getattr(given, field.name) for field in fields(given)}
        return replace(given, **{n: map_tensors(change, part) for n, part in parts.items()})
    return given
