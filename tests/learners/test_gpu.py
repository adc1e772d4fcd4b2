"""What a GPU computes is what the CPU does, with CUDA graphs or without (``pytest -m gpu``).

Needs torch, numpy and pytest alone. Networks are small but for a comparison on the GPU itself.
"""

import copy
from dataclasses import replace
from functools import partial

import pytest
import torch
from tiny_runs import tiny_run, untimed

from charon.benchmark.steps import Case, make, make_new, random_clips
from charon.training.stream import Stream

CPU, GPU = torch.device("cpu"), torch.device("cuda")

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]


@pytest.fixture(autouse=True)
def _exact():
    """Convolve float32 as float32 (TF32 has ten bits of a number), always in the same order."""
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32, cudnn.deterministic
    cudnn.allow_tf32, cudnn.deterministic = False, True
    yield
    cudnn.allow_tf32, cudnn.deterministic = before


def small(device, way="fp32", **more):
    return Case("train", way, scale="small", masking_ratio=0.5, device=device.type, **more)


def clips(device, seed, count=4):
    return random_clips(count, device, seed, scale="small")


def one_layout(learner):
    """Fill its memory with clips of two people, so that every draw has as many rows."""
    both = clips(GPU, 7, 20)
    both.present[:] = True
    learner.memory.offer(both, torch.ones(20, learner.setup.num_classes, device=GPU))
    return learner


def floats(losses):
    return {name: float(loss) for name, loss in losses.items()}


def state(learner):
    """All tensors of a learner's state by name, on the CPU."""
    whole = learner.state_dict()
    stored = {f"stored {n}": t for n, t in enumerate(whole["memory"]["stored"])}
    return {name: t.cpu() for name, t in {**whole["network"], **stored}.items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].isfinite().all(), name
        assert torch.equal(one[name], other[name]), name


# Against the CPU


def in_float64(rotate, clips):
    return rotate(replace(clips, x=clips.x.double()))


@pytest.mark.parametrize("preset", ["paper", "released"])
def test_in_float64_losses_gradients_and_weights_are_the_cpus(preset):
    found = []
    for device in (CPU, GPU):
        learner = make(small(device, preset=preset))
        learner.graphs = None  # whose gradients nobody sees
        learner.network.double()
        learner.memory._logits = learner.memory._logits.double()
        learner.augment = partial(in_float64, learner.augment)
        losses = [floats(learner.train_step(clips(device, seed))) for seed in range(3)]
        named = dict(learner.network.named_parameters())
        slopes = {f"of {n}": p.grad.cpu() for n, p in named.items() if p.grad is not None}
        weights = {n: w.cpu() for n, w in learner.network.state_dict().items()}
        found.append((losses, slopes | weights))
    (losses_there, tensors_there), (losses_here, tensors_here) = found
    for there, here in zip(losses_there, losses_here, strict=True):
        assert here == pytest.approx(there, rel=1e-9)
    assert tensors_there.keys() == tensors_here.keys()
    for name, there in tensors_there.items():
        distance = (tensors_here[name] - there).double().norm()
        assert distance <= 1e-9 * there.double().norm() + 1e-12, name


@pytest.mark.parametrize(("way", "relative"), [("fp32", 1e-3), ("bf16", 5e-2)])
def test_losses_are_the_cpus(way, relative):
    there, here = (
        [floats(learner.train_step(clips(device, seed))) for seed in range(2)]
        for device in (CPU, GPU)
        for learner in [make(small(device, way))]
    )
    for one, other in zip(there, here, strict=True):
        assert other == pytest.approx(one, rel=relative)


def test_predictions_probing_and_stored_logits_are_the_cpus():
    learners = [make(small(device)) for device in (CPU, GPU)]
    for learner, device in zip(learners, (CPU, GPU), strict=True):
        learner.probe_step(clips(device, 1), stores=True)
        learner.end_task(clips(device, 1))
    there, here = (state(learner) for learner in learners)
    for name in there:
        torch.testing.assert_close(there[name], here[name], rtol=1e-3, atol=1e-3, msg=name)


# With CUDA graphs


def learn(learner, scale):
    """Two tasks of steps, with predictions between them; return every loss and score."""
    found = []

    def batch(seed, count=4):
        return random_clips(count, GPU, seed, scale)

    def steps(seeds):
        for seed in seeds:
            # A fifth clip is a second person, and so another layout.
            found.append(learner.train_step(batch(seed, 6 if seed % 3 == 2 else 4)))
        found.append({"scores": learner.predict(batch(9))})

    learner.begin_task(range(10))
    steps(range(6))
    for seed in (20, 21, 22):
        found.append(learner.probe_step(batch(seed), stores=True))
    learner.end_task(batch(20))
    learner.begin_task(range(10, 20))
    steps(range(6, 14))
    for seed in (23, 24, 25):
        found.append(learner.probe_step(batch(seed), stores=True))
    return found


@pytest.mark.parametrize(
    ("scale", "way", "preset"),
    [
        ("small", "fp32", "paper"),
        ("small", "fp32", "released"),
        ("small", "bf16", "paper"),
        ("paper", "fp32", "paper"),
        ("paper", "bf16", "paper"),
    ],
)
def test_with_graphs_every_number_is_that_without(scale, way, preset):
    """The memory is empty, then filled; layouts are new, recorded and repeated."""
    case = Case("train", way, preset, scale, device="cuda")
    with_graphs, without = make_new(case), make_new(case)
    without.graphs = None
    for learner in (with_graphs, without):
        learner.optimiser.rule.param_groups[0]["lr"] = 1e-3  # of noise, larger steps diverge
        for module in learner.network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 0.5  # as does probing on statistics of a few steps
    for one, other in zip(learn(with_graphs, scale), learn(without, scale), strict=True):
        assert_same(one, other)
    assert_same(state(with_graphs), state(without))
    assert len(with_graphs.graphs) >= 3


@pytest.mark.parametrize("has_graphs", [True, False])
@pytest.mark.parametrize("step", ["train_step", "probe_step"])
def test_a_step_does_not_wait_for_the_gpu(step, has_graphs):
    learner = one_layout(make_new(small(GPU)))
    if not has_graphs:
        learner.graphs = None
    task, rows = clips(GPU, 1, 8), torch.arange(4)
    take = getattr(learner, step)
    for _ in range(3):
        take(task.take(rows))
    torch.cuda.synchronize()
    torch.cuda._sleep(1_000_000_000)  # keeps the GPU busy for half a second or so
    busy = torch.cuda.Event()
    busy.record()
    torch.cuda.set_sync_debug_mode("error")
    try:
        take(task.take(rows))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert not busy.query()


def test_losses_stay_what_they_were_when_steps_go_on():
    learner = one_layout(make_new(small(GPU)))
    losses = [learner.train_step(clips(GPU, 1)) for _ in range(5)]
    totals = [float(each["total"]) for each in losses]
    assert len(set(totals)) == 5


def test_saved_and_loaded_in_mid_sequence_it_continues_bit_for_bit(tmp_path):
    saved, loaded = (make(small(GPU)) for _ in range(2))
    for seed in range(5):
        saved.train_step(clips(GPU, seed))
        loaded.train_step(clips(GPU, seed + 50))
    torch.save(saved.state_dict(), tmp_path / "state.pt")
    loaded.load_state_dict(torch.load(tmp_path / "state.pt", map_location="cpu"))
    assert len(loaded.graphs) == 0
    for seed in range(5, 12):
        batch = clips(GPU, seed)
        assert_same(saved.train_step(batch), loaded.train_step(batch))
    assert_same(state(saved), state(loaded))


def test_learners_beside_one_another_and_copies_have_their_own_graphs():
    one, other = (one_layout(make_new(small(GPU))) for _ in range(2))
    assert_same(state(one), state(other))
    for seed in range(4):
        assert_same(one.train_step(clips(GPU, seed)), other.train_step(clips(GPU, seed)))
    third = copy.deepcopy(one)
    assert len(third.graphs) == 0
    del one
    for seed in range(4, 8):
        assert_same(other.train_step(clips(GPU, seed)), third.train_step(clips(GPU, seed)))
    assert_same(state(other), state(third))


MOMENTUM = {
    "optimiser__momentum": 0.9,
    "optimiser__nesterov": True,
    "optimiser__weight_decay": 1e-3,
    "optimiser__clip_norm": 1.0,
}
ADJUSTED = {"learner__stream_outputs": "task", "learner__logit_adjustment": 1.0}


@pytest.mark.parametrize(
    ("learner", "preset", "changes"),
    [
        ("charon", "paper", {}),
        ("charon", "released", {}),
        ("er", "paper", {}),
        ("derpp", "paper", {}),
        ("charon", "paper", MOMENTUM),
        ("charon", "paper", {**ADJUSTED, "learner__probe_classes": "balanced"}),
        ("derpp", "paper", ADJUSTED),
    ],
)
def test_a_run_with_graphs_is_the_run_without(learner, preset, changes, two_bodies):
    usual = {"device": "cuda", "learner__buffer_size": 10, "optimiser__epochs": 6}
    run = tiny_run(learner, preset, **usual, **changes)
    streams = [Stream(run, two_bodies) for _ in range(2)]
    streams[1].learner.graphs = None
    one, other = ([untimed(result.metrics) for result in stream] for stream in streams)
    for metrics in (*one, *other):
        del metrics["gpu/peak_bytes"]
    assert one == other
    assert_same(*(state(stream.learner) for stream in streams))
    assert len(streams[0].learner.graphs) > 0


def test_another_layout_takes_no_memory_of_its_own():
    """Graphs share the memory of what they compute; each adds little beside it."""
    learner = one_layout(make_new(small(GPU)))
    taken = []
    for count in (8, 7, 6, 5):
        for _ in range(3):
            learner.train_step(clips(GPU, 1, count))
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        taken.append(torch.cuda.memory_reserved())
    assert len(learner.graphs) == 4
    assert taken[-1] < 2 * taken[0]
