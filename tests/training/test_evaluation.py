"""Scores, predictions among some outputs, and the accuracies that follow."""

import torch
from tiny_runs import random_clips, tiny_learner, tiny_run

from charon.training.evaluation import CLIPS_AT_ONCE, Scored, score

SCORES = torch.tensor([[3.0, 1, 2, 0], [0, 1, 2, 3], [1, 0, 3, 2], [0, 0, 0, 1]])
SCORED = Scored(SCORES, torch.tensor([0, 2, 2, 3]), range(2, 4))


def test_a_prediction_is_the_best_of_the_outputs_it_is_chosen_among():
    assert SCORED.predictions(range(4)).tolist() == [0, 3, 2, 3]
    assert SCORED.predictions(range(2)).tolist() == [0, 1, 0, 0]
    assert SCORED.predictions(range(1, 3)).tolist() == [2, 2, 2, 1]


def test_accuracy_is_in_percent():
    assert SCORED.accuracy(range(4)) == 75
    assert SCORED.accuracy(range(2)) == 25
    assert SCORED.accuracy(range(2, 4)) == 50


def test_scores_do_not_depend_on_how_clips_are_batched():
    learner = tiny_learner(tiny_run("finetune"))
    clips = random_clips(CLIPS_AT_ONCE + 3)
    scored = score(learner, clips, range(2))
    assert scored.scores.shape == (CLIPS_AT_ONCE + 3, learner.setup.num_classes)
    last = torch.arange(CLIPS_AT_ONCE, CLIPS_AT_ONCE + 3)
    assert torch.allclose(scored.scores[last], learner.predict(clips.take(last)), atol=1e-6)
    assert torch.equal(scored.label, clips.label)
