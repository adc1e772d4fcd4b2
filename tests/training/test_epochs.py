"""The means of every epoch, numbered over all tasks and phases."""

from charon.training.epochs import by_metric, losses_of, named


def test_means_have_the_names_by_which_they_are_logged():
    assert named("train", {"total": 2.0}, 75.0) == {
        "train/loss/total": 2.0,
        "train/accuracy": 75.0,
    }
    assert named("store", {}, None) == {}


def test_the_accuracy_is_no_loss():
    assert losses_of(named("train", {"total": 2.0}, 75.0)) == {"train/loss/total": 2.0}


def test_every_metric_has_a_value_for_each_epoch_of_its_task_or_none():
    rows = [{"train/loss/total": 3.0}, {"train/loss/total": 2.0, "train/accuracy": 50.0}, {}]
    epochs = by_metric(7, rows)
    assert epochs.to_json() == {
        "first": 7,
        "means": {"train/loss/total": [3.0, 2.0, None], "train/accuracy": [None, 50.0, None]},
    }
