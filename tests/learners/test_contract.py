"""The contract of every learner in the table, whatever its method."""

import copy
import math
import pickle
from itertools import cycle

import pytest
import torch
from tiny_runs import (
    NUM_JOINTS,
    Checkpointed,
    assert_same,
    learn,
    random_clips,
    tiny_learner,
    tiny_run,
    untimed,
    without_clock,
)

from charon.errors import ConfigError
from charon.learners import LEARNERS
from charon.memory import CODECS, STORAGES
from charon.training.checkpoint import load_checkpoint, save_checkpoint
from charon.training.stream import Stream

every_learner = pytest.mark.parametrize("name", LEARNERS)

EXEMPLARS = ("icarl", "lucir")
BESIDE_EXEMPLARS = 61_984
"""Bytes of a tiny iCaRL's frozen network and class means."""


@pytest.fixture(scope="module")
def learned(two_bodies):
    """Return a function that learns the tiny stream with a method, once."""
    done = {}

    def learn_once(name):
        if name not in done:
            done[name] = learn(tiny_run(name), two_bodies)
        return done[name]

    return learn_once


@every_learner
def test_the_same_seed_gives_the_same_result(name, learned, two_bodies):
    stream, results = learned(name)
    again, repeated = learn(tiny_run(name), two_bodies)
    assert_same(without_clock(stream.state_dict()), without_clock(again.state_dict()))
    for one, other in zip(results, repeated, strict=True):
        assert untimed(one.metrics) == untimed(other.metrics)
        assert one.epochs == other.epochs


@every_learner
def test_another_seed_gives_another_result(name, learned, two_bodies):
    one = learned(name)[0].learner.state_dict()["network"]
    other = learn(tiny_run(name, seed=1), two_bodies)[0].learner.state_dict()["network"]
    assert any(not torch.equal(one[key], other[key]) for key in one)


@every_learner
def test_losses_are_named_and_finite(name, learned):
    for result in learned(name)[1]:
        losses = {key: v for key, v in result.metrics.items() if "/loss/" in key}
        assert "train/loss/total" in losses
        assert all(math.isfinite(loss) for loss in losses.values())


@every_learner
def test_every_epoch_of_the_main_phase_has_its_losses_and_its_accuracy(name, learned):
    stream, results = learned(name)
    for result in results:
        means = result.epochs.means
        for metric in ("train/loss/total", "train/accuracy"):
            values = [value for value in means[metric] if value is not None]
            assert len(values) == stream.run.optimiser.epochs
        known = [value for value in means["train/accuracy"] if value is not None]
        assert all(0 <= accuracy <= 100 for accuracy in known)


@every_learner
def test_one_result_a_task_with_every_accuracy(name, learned):
    stream, results = learned(name)
    assert [result.task for result in results] == [1, 2, 3]
    assert [result.is_last for result in results] == [False, False, True]
    last = results[-1]
    row = [last.metrics[f"test/acc/task_0{k}"] for k in (1, 2, 3)]
    assert last.metrics["test/faa"] == pytest.approx(sum(row) / 3)
    assert last.accuracy_matrix[-1].tolist() == row
    assert stream.evaluation.confusion().sum() == 12


@every_learner
def test_saved_and_loaded_in_mid_sequence_it_continues_bit_for_bit(name, two_bodies, tmp_path):
    calm = Checkpointed(tiny_run(name), two_bodies, tmp_path)
    calm.check(calm.state)


SGD = {
    "optimiser__momentum": 0.9,
    "optimiser__nesterov": True,
    "optimiser__weight_decay": 1e-3,
    "optimiser__schedule": "cosine",
    "optimiser__warmup": 0.25,
    "optimiser__clip_norm": 1.0,
    "optimiser__average_decay": 0.9,
}
ADAMW = {
    "optimiser__rule": "adamw",
    "optimiser__weight_decay": 1e-2,
    "optimiser__learning_rate": 1e-3,
    "optimiser__average_decay": 0.9,
    "optimiser__statistics": "balanced",
}


@every_learner
@pytest.mark.parametrize("recipe", [SGD, ADAMW], ids=["sgd", "adamw"])
def test_a_recipe_is_resumed_bit_for_bit(recipe, name, two_bodies, tmp_path):
    calm = Checkpointed(tiny_run(name, **recipe), two_bodies, tmp_path, after=2)
    assert calm.state["learner"]["optimiser"]["rule"]["state"]
    calm.check(calm.state)


@every_learner
@pytest.mark.parametrize(("codec", "storage"), [*zip(CODECS, cycle(STORAGES), strict=False)])
@pytest.mark.parametrize("bodies", ["all", "present"])
def test_it_learns_with_every_codec(name, codec, storage, bodies, two_bodies):
    if not hasattr(LEARNERS[name].settings, "codec"):
        pytest.skip(f"{name} has no memory")
    stored = {"codec": codec, "storage": storage, "bodies": bodies}
    changes = {f"learner__{field}": value for field, value in stored.items()}
    stream, results = learn(tiny_run(name, optimiser__epochs=1, **changes), two_bodies)
    memory = stream.learner.memory
    assert type(memory.codec) is CODECS[codec]
    assert type(memory.codec.storage) is STORAGES[storage]
    held = memory.at(torch.arange(len(memory)))
    count = int(held.clips.present.sum()) if bodies == "present" else len(memory)
    frames = count * memory.codec.bytes_per_clip
    assert 0 < frames <= stream.run.learner.buffer_size * 3 * 12 * NUM_JOINTS * 2 * 4
    row = 2 * 4 if bodies == "present" else 0
    beside = len(memory) * (2 + 8 + 4 * held.logits.shape[1] + row)
    assert results[-1].metrics["memory/bytes"] == frames + beside
    assert results[-1].metrics["memory/clips"] == len(memory)


@every_learner
def test_a_state_does_not_change_when_learning_goes_on(name, two_bodies):
    stream = Stream(tiny_run(name), two_bodies)
    tasks = iter(stream)
    next(tasks)
    state = stream.state_dict()
    kept = copy.deepcopy(state)
    next(tasks)
    assert_same(state, kept)


@every_learner
def test_it_can_be_pickled(name, learned, two_bodies):
    stream, _ = learned(name)
    copied = pickle.loads(pickle.dumps(stream.learner))
    clips = random_clips(5)
    assert torch.equal(copied.predict(clips), stream.learner.predict(clips))
    assert_same(copied.state_dict(), stream.learner.state_dict())


@every_learner
def test_the_predictors_state_is_enough_to_predict(name, learned):
    stream, _ = learned(name)
    fresh = tiny_learner(tiny_run(name, seed=5))
    clips = random_clips(5)
    fresh.load_predictor_state(stream.learner.predictor_state())
    assert torch.equal(fresh.predict(clips), stream.learner.predict(clips))


@every_learner
def test_predicting_changes_nothing(name, learned):
    stream, _ = learned(name)
    before = copy.deepcopy(stream.learner.state_dict())
    scores = stream.learner.predict(random_clips(5))
    assert scores.shape == (5, 6)
    assert not scores.requires_grad
    assert_same(stream.learner.state_dict(), before)


@every_learner
@pytest.mark.parametrize("interval", [1, 5])
def test_the_memory_is_never_above_its_budget(name, interval, two_bodies):
    settings = LEARNERS[name].settings
    if not hasattr(settings, "sampling_interval"):
        pytest.skip(f"{name} has no memory")
    run = tiny_run(name, learner__sampling_interval=interval)
    stream = Stream(run, two_bodies)
    memory = stream.learner.memory
    budget = run.learner.buffer_size * run.data.num_frames

    def check(_):
        assert len(memory.labels) == len(memory)
        assert len(memory) * -(-run.data.num_frames // interval) <= budget

    stream.on_progress = check
    for result in stream:
        check(None)
        assert result.metrics["memory/clips"] == len(memory)
        assert result.metrics["memory/bytes"] >= memory.num_bytes


@every_learner
@pytest.mark.parametrize("bodies", ["all", "present"])
@pytest.mark.parametrize("codec", ["thinned", "key_frames"])
def test_the_bytes_are_filled_and_never_exceeded(name, bodies, codec, two_bodies):
    """With all that lies beside the memory but Else-Net's blocks, which are its network's."""
    if not hasattr(LEARNERS[name].settings, "buffer_bytes"):
        pytest.skip(f"{name} has no memory")
    num_bytes = 6_000 + (BESIDE_EXEMPLARS if name in EXEMPLARS else 0)
    changes = {"bodies": bodies, "codec": codec, "buffer_size": None, "buffer_bytes": num_bytes}
    run = tiny_run(name, **{f"learner__{field}": value for field, value in changes.items()})
    stream = Stream(run, two_bodies)
    learner, memory = stream.learner, stream.learner.memory

    def taken():
        extra = 0 if name == "elsenet" else learner.measurements().get("memory/extra_bytes", 0)
        return memory.num_bytes + extra

    def check(_):
        assert taken() <= num_bytes

    stream.on_progress = check
    for _ in stream:
        check(None)
        assert memory.num_bytes <= memory.most_bytes <= num_bytes
    # Less is free than a clip takes; of shares of classes, than one of each class.
    largest = memory.codec.bytes_per_clip * (2 if bodies == "present" else 1)
    largest += 2 + 8 + 4 * 6 + 4 + 8
    num_shares = 6 if name in ("xder", *EXEMPLARS) else 1
    assert memory.most_bytes - memory.num_bytes < num_shares * largest
    assert num_bytes - memory.most_bytes < largest + (BESIDE_EXEMPLARS if name in EXEMPLARS else 0)


@every_learner
@pytest.mark.parametrize("codec", ["thinned", "key_frames"])
def test_a_memory_of_present_bodies_is_resumed_as_it_was(name, codec, two_bodies, tmp_path):
    if not hasattr(LEARNERS[name].settings, "bodies"):
        pytest.skip(f"{name} has no memory")
    run = tiny_run(name, learner__bodies="present", learner__codec=codec, learner__storage="int8")
    whole, results = learn(run, two_bodies)
    first, continued = Stream(run, two_bodies), Stream(run, two_bodies)
    next(iter(first))
    save_checkpoint(tmp_path, first.state_dict(), run)
    continued.load_state_dict(load_checkpoint(tmp_path, run))
    rest = list(continued)
    assert [untimed(r.metrics) for r in rest] == [untimed(r.metrics) for r in results[1:]]
    assert_same(without_clock(continued.state_dict()), without_clock(whole.state_dict()))


@every_learner
def test_past_tasks_are_seen_through_the_memory_only(name, learned, two_bodies):
    """Clips that were handed to a learner are spoilt when their task ends; nothing changes."""
    stream = Stream(tiny_run(name), two_bodies)
    handed, loaded = [], []
    load = stream.tasks.load

    def spy(rows, crop, epoch=0):
        clips = load(rows, crop, epoch)
        if crop == "train":
            loaded.append(set(rows.tolist()))
            handed.append(clips)
        return clips

    stream.tasks.load = spy
    results = []
    for result in stream:
        results.append(result)
        for clips in handed:
            clips.x.fill_(math.nan)
    assert loaded == [set(task.train.tolist()) for task in stream.tasks.tasks]
    for one, other in zip(results, learned(name)[1], strict=True):
        assert untimed(one.metrics) == untimed(other.metrics)


@every_learner
def test_one_body_data(name, one_body):
    _, results = learn(tiny_run(name), one_body)
    assert math.isfinite(results[-1].metrics["test/faa"])


@every_learner
@pytest.mark.parametrize("changes", [{"learner__buffer_size": 0}, {"data__stream": "joint"}])
def test_it_takes_no_memory_and_a_joint_stream(name, changes, two_bodies):
    if "learner__buffer_size" in changes and not hasattr(LEARNERS[name].settings, "buffer_size"):
        pytest.skip(f"{name} has no memory")
    _, results = learn(tiny_run(name, **changes), two_bodies)
    assert results[-1].is_last
    assert math.isfinite(results[-1].metrics["test/faa"])


@every_learner
def test_the_released_preset(name, two_bodies):
    run = tiny_run(name, preset="released")
    assert run.argmax == "all"
    _, results = learn(run, two_bodies)
    assert math.isfinite(results[-1].metrics["test/faa"])


@pytest.mark.parametrize("selection", ["reservoir", "balanced"])
@pytest.mark.parametrize("name", ["er", "er_ace", "der", "derpp", "charon", "elsenet"])
def test_the_nearest_mean_of_stored_clips_predicts_and_is_resumed(
    name, selection, two_bodies, tmp_path
):
    fields = {"learner__classifier": "nearest_mean", "learner__selection": selection}
    run = tiny_run(name, **fields)
    whole, results = learn(run, two_bodies)
    learner = whole.learner
    assert learner.means.shape[0] == 6
    held = learner.memory.at(torch.arange(len(learner.memory))).clips
    features = torch.nn.functional.normalize(learner.features(held))
    clips = whole.tasks.load(whole.tasks.tasks[0].test, "test")
    near = torch.nn.functional.normalize(learner.features(clips))
    known = held.label.unique()
    means = torch.stack([features[held.label == k].mean(dim=0) for k in known])
    wanted = known[(near @ torch.nn.functional.normalize(means).T).argmax(dim=1)]
    assert torch.equal(learner.predict(clips).argmax(dim=1), wanted)

    first = Stream(run, two_bodies)
    next(iter(first))
    save_checkpoint(tmp_path, first.state_dict(), run)
    continued = Stream(run, two_bodies)
    continued.load_state_dict(load_checkpoint(tmp_path, run))
    rest = list(continued)
    assert untimed(rest[-1].metrics) == untimed(results[-1].metrics)


REPEATED = (
    {"data__domain": "camera", "data__classes_per_task": 0},
    {"data__blurred": 0.5},
    {"data__returning": 0.5},
)


@every_learner
@pytest.mark.parametrize("fields", REPEATED, ids=["domain", "blurred", "returning"])
def test_classes_that_come_again_are_learned_or_refused_in_a_sentence(fields, name, two_bodies):
    if LEARNERS[name].settings().why_new_classes:
        with pytest.raises(ConfigError, match=f"^{name} cannot learn a stream in which classes co"):
            tiny_run(name, **fields)
        tiny_run(name, **fields, data__stream="joint")  # where none comes again
        return
    stream, results = learn(tiny_run(name, **fields), two_bodies)
    assert len(results) == len(stream.tasks.tasks)
    for key in ("test/faa", "test/old", "test/new", "test/harmonic_mean"):
        assert 0 <= results[-1].metrics[key] <= 100


@every_learner
def test_being_watched_on_the_way_changes_nothing(name, learned, two_bodies):
    stream, results = learned(name)
    watched, again = learn(tiny_run(name, data__evaluate_every=2), two_bodies)
    expected, found = stream.learner.state_dict(), watched.learner.state_dict()
    assert_same(expected, found)
    extra = {"test/lowest_accuracy", "test/worst_case_accuracy"}
    for plain, result in zip(results, again, strict=True):
        kept = {key: v for key, v in untimed(result.metrics).items() if key not in extra}
        assert kept == untimed(plain.metrics)
    assert again[-1].metrics["test/lowest_accuracy"] <= results[-1].metrics["test/old"]


@every_learner
def test_what_was_lowest_is_resumed(name, two_bodies, tmp_path):
    run = tiny_run(name, data__evaluate_every=2)
    _, results = learn(run, two_bodies)
    interrupted = Stream(run, two_bodies)
    steps = iter(interrupted)
    next(steps), next(steps)
    save_checkpoint(tmp_path, interrupted.state_dict(), run)
    continued = Stream(run, two_bodies)
    continued.load_state_dict(load_checkpoint(tmp_path, run))
    (last,) = list(continued)
    assert untimed(last.metrics) == untimed(results[-1].metrics)
