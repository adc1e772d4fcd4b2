"""The stream, learned by a method whose every answer is known in advance."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from tiny_runs import learn, tiny_run, write_set

from charon.data.cache.archive import Archive
from charon.data.protocols import split
from charon.errors import ConfigError, DataError, DivergenceError
from charon.learners import LEARNERS, Method
from charon.learners.base import Learner, Phase
from charon.settings import Settings
from charon.training.epochs import Epochs
from charon.training.stream import Stream


@dataclass(frozen=True)
class StubSettings(Settings):
    """None."""


class Stub(Learner):
    """Knows the classes of the task it learns, and takes all others for the first of these.

    Notes down what the stream hands to it.
    """

    def __init__(self, setup, settings):
        super().__init__(setup, setup.make_network(with_decoder=False))
        self.log = []
        self.loss_of = lambda phase, labels: {"total": torch.tensor(float(len(labels)))}

    def begin_task(self, classes):
        self.classes = classes
        self.log.append(("begin", classes))

    def phases(self):
        return [
            Phase("train", 2, self.train_step),
            Phase("after", 1, lambda clips: self.step("after", clips)),
        ]

    def train_step(self, batch):
        return self.step("train", batch)

    def step(self, phase, clips):
        self.log.append((phase, label_of(clips).tolist()))
        return self.loss_of(phase, clips.label)

    def end_task(self, clips):
        self.log.append(("end", None))

    def predict(self, clips):
        label = label_of(clips)
        scores = torch.zeros(len(clips), self.setup.num_classes)
        known = (label >= self.classes.start) & (label < self.classes.stop)
        scores[torch.arange(len(clips)), label.where(known, self.classes.start)] = 1
        return scores


class Stubborn(Stub):
    """Knows every class, but prefers the last one."""

    def predict(self, clips):
        scores = torch.nn.functional.one_hot(label_of(clips), self.setup.num_classes).float()
        scores[:, -1] = 2
        return scores


class Quick(Stub):
    """Knows every class as soon as it has learned any."""

    def predict(self, clips):
        if self.classes.stop > 0:
            self.classes = range(self.setup.num_classes)
        return super().predict(clips)


class Dipping(Quick):
    """Knows every class as long as it is not learning: then all but the first class seem old."""

    def predict(self, clips):
        scores = super().predict(clips)
        if self.is_learning:
            scores[:, 0] = 2
        return scores

    is_learning = False

    def train_step(self, batch):
        self.is_learning = True
        return super().train_step(batch)

    def end_task(self, clips):
        self.is_learning = False


def label_of(clips):
    """The class of a clip of the set below is the place of its first joint."""
    return clips.x[:, 0, 0, 0, 0].round().long()


@pytest.fixture(autouse=True)
def _stubs(monkeypatch):
    monkeypatch.setitem(LEARNERS, "stub", Method(Stub, StubSettings))


@pytest.fixture
def _stubborn(monkeypatch):
    monkeypatch.setitem(LEARNERS, "stub", Method(Stubborn, StubSettings))


@pytest.fixture(scope="module")
def telling(tmp_path_factory):
    """A set whose clips of class k are k everywhere; 3 tasks of 2 classes of 4 + 2 clips."""
    poses = np.arange(6.0).reshape(6, 1, 1, 1, 1)
    return write_set(tmp_path_factory.mktemp("sets") / "telling", noise=0.0, poses=poses)


def phases_of(stream, name):
    return [entry for phase, entry in stream.learner.log if phase == name]


def joined(batches):
    return [label for batch in batches for label in batch]


def test_the_accuracy_matrix_of_a_forgetful_learner(telling):
    stream, results = learn(tiny_run("stub"), telling)
    expected = [[100, np.nan, np.nan], [0, 100, np.nan], [0, 0, 100]]
    np.testing.assert_array_equal(results[-1].accuracy_matrix, expected)
    np.testing.assert_array_equal(results[0].accuracy_matrix[0], expected[0])
    assert np.isnan(results[0].accuracy_matrix[1:]).all()
    np.testing.assert_array_equal(stream.accuracy_matrix, expected)


def test_the_metrics_of_a_forgetful_learner(telling):
    _, results = learn(tiny_run("stub"), telling)
    metrics = results[-1].metrics
    assert metrics["test/faa"] == pytest.approx(100 / 3)
    assert [result.metrics["test/faa"] for result in results[:2]] == [100, 50]
    assert metrics["test/average_incremental_accuracy"] == pytest.approx((100 + 50 + 100 / 3) / 3)
    assert metrics["test/forgetting"] == 100
    assert metrics["test/bwt"] == -100
    # Outputs outside the task masked, it says "the first of the two": right for half of them.
    assert metrics["test/task_il_faa"] == pytest.approx((50 + 50 + 100) / 3)
    # Tasks not learned yet are taken for old classes, and by the untrained stub for class 0.
    assert metrics["test/fwt"] == 0
    assert metrics["test/acc/task_01"] == 0
    assert metrics["test/acc/task_03"] == 100
    assert "test/acc/task_03" not in results[1].metrics
    # Not defined after one task, and so left out.
    assert not {"test/forgetting", "test/bwt", "test/fwt"} & results[0].metrics.keys()


def test_old_and_new_classes_of_a_forgetful_learner(telling):
    """All clips of a task count, whichever task they are of."""
    _, results = learn(tiny_run("stub", data__classes_per_task=(3, 2, 1)), telling)
    first, second, last = (result.metrics for result in results)
    assert not {"test/old", "test/new", "test/harmonic_mean"} & first.keys()
    assert (second["test/old"], second["test/new"], second["test/harmonic_mean"]) == (0, 100, 0)
    # Of 3 + 2 + 1 classes with as many clips each, it knows the one of the last task.
    assert last["test/accuracy"] == pytest.approx(100 / 6)
    assert last["test/faa"] == pytest.approx(100 / 3)


def test_the_harmonic_mean_of_old_and_new(telling, monkeypatch):
    monkeypatch.setitem(LEARNERS, "stub", Method(Stubborn, StubSettings))
    _, results = learn(tiny_run("stub", data__classes_per_task=(4, 2), argmax="all"), telling)
    metrics = results[-1].metrics  # of the last two classes, one is right
    assert (metrics["test/old"], metrics["test/new"]) == (0, 50)
    _, results = learn(tiny_run("stub", data__classes_per_task=(4, 1, 1)), telling)
    metrics = results[1].metrics  # all of the first five are right
    assert metrics["test/harmonic_mean"] == metrics["test/accuracy"] == 100


def test_the_lowest_accuracy_on_the_way(telling, monkeypatch):
    monkeypatch.setitem(LEARNERS, "stub", Method(Dipping, StubSettings))
    _, plain = learn(tiny_run("stub"), telling)
    assert "test/lowest_accuracy" not in plain[-1].metrics
    _, results = learn(tiny_run("stub", data__evaluate_every=4), telling)
    assert "test/lowest_accuracy" not in results[0].metrics
    metrics = results[-1].metrics
    # After tasks all is right; while it learns, of tasks 1 and 2 only the first class.
    assert metrics["test/faa"] == metrics["test/old"] == 100
    assert metrics["test/lowest_accuracy"] == (50 + 0) / 2
    assert metrics["test/worst_case_accuracy"] == pytest.approx(100 / 3 + 2 / 3 * 25)
    # A task has 9 steps: with none on the way, what is lowest are the accuracies after tasks.
    _, rare = learn(tiny_run("stub", data__evaluate_every=10), telling)
    assert rare[-1].metrics["test/lowest_accuracy"] == 100


def test_a_task_in_which_classes_come_again_has_all_outputs_up_to_its_last(telling):
    stream, results = learn(tiny_run("stub", data__returning=0.5), telling)
    assert phases_of(stream, "begin") == [range(0, 2), range(0, 4), range(0, 6)]
    # It knows every class of the range; columns are the tasks of new classes.
    assert results[-1].accuracy_matrix[-1].tolist() == [100, 100, 100]
    assert [len(task.test) for task in stream.tasks.tasks] == [4, 4, 4]
    trained = [len(task.train) for task in stream.tasks.tasks]
    assert (sum(trained), trained[0]) == (24, 4)


def test_a_domain_stream_ends_with_faa_over_domains(telling):
    fields = {"data__classes_per_task": 0, "data__domain": "camera"}
    stream, results = learn(tiny_run("stub", **fields), telling)
    assert phases_of(stream, "begin") == [range(6), range(6)]
    assert results[-1].accuracy_matrix[-1].tolist() == [100, 100]
    assert results[-1].metrics["test/faa"] == 100
    _, (joint,) = learn(tiny_run("stub", **fields, data__stream="joint"), telling)
    assert joint.metrics["test/faa"] == joint.metrics["test/accuracy"] == 100


def test_the_confusion_matrix_counts_the_last_evaluation(telling):
    stream, _ = learn(tiny_run("stub"), telling)
    counts = stream.evaluation.confusion()
    expected = np.zeros((6, 6))
    expected[:4, 4] = 2  # taken for the first class of the last task
    expected[4, 4] = expected[5, 5] = 2
    np.testing.assert_array_equal(counts, expected)


@pytest.mark.usefixtures("_stubborn")
def test_predictions_are_chosen_among_the_outputs_seen_or_among_all(telling):
    """FAA is equal; earlier rows differ."""
    _, seen = learn(tiny_run("stub"), telling)
    _, every = learn(tiny_run("stub", argmax="all"), telling)
    last = [0, 0, 50]  # all clips are taken for the last class
    assert seen[1].accuracy_matrix[1, :2].tolist() == [100, 100]
    assert every[1].accuracy_matrix[1, :2].tolist() == [0, 0]
    assert seen[2].accuracy_matrix[2].tolist() == every[2].accuracy_matrix[2].tolist() == last


def test_forward_transfer_takes_the_outputs_up_to_the_task(telling, monkeypatch):
    """Untrained, it takes all for class 0, which is wrong; before a task, it knows it already."""
    monkeypatch.setitem(LEARNERS, "stub", Method(Quick, StubSettings))
    _, results = learn(tiny_run("stub"), telling)
    assert results[-1].metrics["test/fwt"] == 100
    # Later classes are out of reach before their time: one that prefers the last is right.
    monkeypatch.setitem(LEARNERS, "stub", Method(Stubborn, StubSettings))
    stream, _ = learn(tiny_run("stub"), telling)
    assert (
        stream.evaluation.before[1:].tolist()
        == stream.evaluation.untrained[1:].tolist()
        == [100, 50]
    )


def test_a_learner_meets_its_tasks_in_order(telling):
    stream, _ = learn(tiny_run("stub"), telling)
    kinds = [kind for kind, _ in stream.learner.log]
    of_a_task = ["begin", *["train"] * 6, *["after"] * 3, "end"]
    assert kinds == of_a_task * 3
    assert phases_of(stream, "begin") == [range(0, 2), range(2, 4), range(4, 6)]


def test_each_epoch_is_all_clips_of_the_task_in_a_new_order(telling):
    stream, _ = learn(tiny_run("stub"), telling)
    batches = phases_of(stream, "train")
    # 8 clips in batches of 3: the last one is kept though it is smaller.
    assert [len(batch) for batch in batches] == [3, 3, 2] * 6
    epochs = [joined(batches[first : first + 3]) for first in range(0, 18, 3)]
    for task in range(3):
        for epoch in epochs[2 * task : 2 * task + 2]:
            assert sorted(epoch) == [2 * task] * 4 + [2 * task + 1] * 4
    assert epochs[0] != epochs[1]


def test_classes_are_learned_in_the_class_order(telling):
    stream, _ = learn(tiny_run("stub", data__class_order="shuffled(5)"), telling)
    order = stream.tasks.order
    assert sorted(order) == list(range(6))
    assert order != tuple(range(6))
    assert stream.tasks.class_names == [f"class {label}" for label in order]
    learned = [sorted(set(joined(phases_of(stream, "after")[3 * t : 3 * t + 3]))) for t in range(3)]
    assert learned == [sorted(order[2 * t : 2 * t + 2]) for t in range(3)]
    clips = stream.tasks.load(stream.tasks.tasks[0].train, "train")
    # A clip's label is its class's position in the order.
    assert [order[position] for position in clips.label] == label_of(clips).tolist()


def test_tasks_may_differ_in_size(telling):
    stream, results = learn(tiny_run("stub", data__classes_per_task=(1, 2, 3)), telling)
    assert phases_of(stream, "begin") == [range(0, 1), range(1, 3), range(3, 6)]
    assert results[-1].accuracy_matrix[-1].tolist() == [0, 0, 100]


@pytest.mark.parametrize(("crop", "epochs"), [("clip", [0]), ("epoch", [0, 1, 2])])
def test_training_clips_are_cropped_once_or_in_every_epoch(telling, crop, epochs):
    stream = Stream(tiny_run("stub", data__crop=crop), telling)
    asked = []
    load = stream.tasks.load

    def spy(rows, crop, epoch=0):
        if crop == "train":
            asked.append(epoch)
        return load(rows, crop, epoch)

    stream.tasks.load = spy
    next(iter(stream))
    assert asked == epochs


def test_losses_are_means_over_the_steps_of_the_last_epoch_that_had_them(telling):
    stream = Stream(tiny_run("stub"), telling)
    steps = []

    def loss_of(phase, labels):
        steps.append(phase)
        found = {"total": torch.tensor(float(len(steps)))}
        return found | ({"rare": torch.tensor(7.0)} if len(steps) == 5 else {})

    stream.learner.loss_of = loss_of
    metrics = next(iter(stream)).metrics
    assert metrics["train/loss/total"] == (4 + 5 + 6) / 3
    assert metrics["train/loss/rare"] == 7
    assert metrics["after/loss/total"] == (7 + 8 + 9) / 3


def test_epochs_are_counted_over_all_tasks_and_phases(telling):
    """Two of the main phase and one after it, in each of three tasks; resumed after the first."""
    stream, restored = (Stream(tiny_run("stub"), telling) for _ in range(2))
    results = [next(iter(stream))]
    restored.load_state_dict(stream.state_dict())
    results += restored
    assert [result.epochs.first for result in results] == [1, 4, 7]
    sizes = (3 + 3 + 2) / 3  # the stub's loss is the size of the batch
    for result in results:
        assert result.epochs.means == {
            "train/loss/total": [sizes, sizes, None],
            "after/loss/total": [None, None, sizes],
        }
        for name, values in result.epochs.means.items():
            assert result.metrics[name] == [mean for mean in values if mean is not None][-1]


def test_the_accuracy_of_an_epoch_is_that_of_all_its_clips_as_the_steps_scored_them(telling):
    stream = Stream(tiny_run("stub"), telling)

    def step(batch):
        """Take all for class 1, which half of the clips are."""
        scores = torch.nn.functional.one_hot(torch.ones(len(batch), dtype=torch.int64), 6)
        stream.learner.count_right(scores.float(), batch.label)
        return {"total": torch.zeros(())}

    stream.learner.train_step = step
    result = next(iter(stream))
    assert result.epochs.means["train/accuracy"] == [50, 50, None]
    assert "train/accuracy" not in result.metrics


def test_the_joint_stream_has_all_its_epochs_at_once(telling):
    _, (result,) = learn(tiny_run("stub", data__stream="joint"), telling)
    assert isinstance(result.epochs, Epochs)
    assert (result.epochs.first, len(result.epochs.means["after/loss/total"])) == (1, 3)


@pytest.mark.parametrize("phase", ["train", "after"])
def test_a_loss_that_is_not_finite_names_task_and_epoch(telling, phase):
    stream = Stream(tiny_run("stub", optimiser__learning_rate=0.25), telling)
    tasks = iter(stream)
    next(tasks)
    bad = torch.tensor(float("nan"))
    stream.learner.loss_of = lambda name, _: {"total": bad if name == phase else torch.zeros(())}
    with pytest.raises(
        DivergenceError,
        match=rf"'total' became nan in task 2, epoch 1 of phase '{phase}'.*now 0\.25.*losses\.$",
    ):
        next(tasks)


def test_progress_is_told_after_every_epoch(telling):
    stream = Stream(tiny_run("stub"), telling)
    told = []
    stream.on_progress = told.append
    list(stream)
    assert [(p.task, p.phase, p.epoch, p.epochs) for p in told[:4]] == [
        (1, "train", 1, 2),
        (1, "train", 2, 2),
        (1, "after", 1, 1),
        (2, "train", 1, 2),
    ]
    fractions = [p.fraction for p in told]
    assert fractions == sorted(fractions)
    assert fractions[0] == pytest.approx(1 / 6)
    assert fractions[-1] == 1
    assert {p.num_tasks for p in told} == {3}


def test_speed_is_that_of_the_main_phases_after_the_first_task(telling):
    _, results = learn(tiny_run("stub"), telling)
    assert "train/epochs_per_hour" not in results[0].metrics
    metrics = results[1].metrics
    # 8 clips an epoch.
    per_epoch = metrics["train/clips_per_second"] / metrics["train/epochs_per_hour"] * 3600
    assert per_epoch == pytest.approx(8)


def test_the_joint_stream_learns_all_tasks_as_one(telling):
    stream, results = learn(tiny_run("stub", data__stream="joint"), telling)
    (result,) = results
    assert result.is_last
    assert (result.task, result.num_tasks) == (3, 3)
    assert phases_of(stream, "begin") == [range(0, 6)]
    assert sorted(joined(phases_of(stream, "after"))) == sorted(list(range(6)) * 4)
    assert np.isnan(result.accuracy_matrix[:2]).all()
    assert result.accuracy_matrix[2].tolist() == [100, 100, 100]
    assert result.metrics["test/faa"] == 100
    # One row defines neither.
    assert not {"test/bwt", "test/forgetting", "test/fwt"} & result.metrics.keys()


def test_validation_never_sees_a_test_clip(telling):
    run = tiny_run("stub", data__evaluate_on="val", data__val_fraction=0.3)
    stream = Stream(run, telling)
    seen = []
    load = stream.tasks.load
    stream.tasks.load = lambda rows, *more: seen.extend(rows.tolist()) or load(rows, *more)
    results = list(stream)
    names = {name for name in results[-1].metrics if name.split("/")[0] in ("test", "val")}
    assert "val/faa" in names
    assert all(name.startswith("val/") for name in names)
    assert not set(seen) & set(split(telling, seed=0).test.tolist())
    for task in stream.tasks.tasks:
        assert not set(task.train) & set(task.test)


def test_the_validation_cut_does_not_depend_on_the_seed(telling):
    """Trials of a search are judged by the same clips."""
    cuts = [
        [
            task.test.tolist()
            for task in Stream(
                tiny_run("stub", data__evaluate_on="val", seed=s), telling
            ).tasks.tasks
        ]
        for s in (0, 1)
    ]
    assert cuts[0] == cuts[1]


def test_iteration_goes_on_where_it_stopped(telling):
    stream = Stream(tiny_run("stub"), telling)
    assert next(iter(stream)).task == 1
    assert [result.task for result in stream] == [2, 3]
    assert list(stream) == []


def test_a_restored_stream_knows_its_last_evaluation(telling):
    stream = Stream(tiny_run("stub"), telling)
    next(iter(stream))
    restored = Stream(tiny_run("stub"), telling)
    restored.load_state_dict(stream.state_dict())
    np.testing.assert_array_equal(restored.accuracy_matrix, stream.accuracy_matrix)
    assert restored.evaluation.confusion().sum() == 4  # two test clips of each of two classes


def test_a_task_without_clips_is_refused(telling):
    archive = Archive(telling.path)
    archive.in_train = np.where(archive.label >= 4, 1, archive.in_train)
    with pytest.raises(DataError, match="task 3 has no test clip under given split"):
        Stream(tiny_run("stub"), archive)


def test_settings_that_do_not_fit_the_data_are_refused(telling):
    with pytest.raises(ConfigError, match="`paper` orders the 60 or 120 classes of NTU"):
        Stream(tiny_run("stub", data__class_order="paper"), telling)
    with pytest.raises(ConfigError, match="adds up to 5, but there are 6 classes"):
        Stream(tiny_run("stub", data__classes_per_task=(2, 3)), telling)
