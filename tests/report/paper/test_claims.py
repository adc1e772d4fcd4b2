"""The paper's claims, judged on made-up runs that leave no doubt, little doubt, or only doubt."""

import numpy as np
import pandas as pd
import pytest
from report.made_studies import write_study

from charon.report.paper.claims import (
    CLAIMS,
    ETA,
    FAA,
    SPEED,
    Claim,
    S,
    best,
    both,
    gain_grows,
    grows,
    higher,
    judge,
)
from charon.report.results import read_results
from charon.report.significance import difference_of

GAMMA = "learner.gamma"


def results(folder, runs, study="made"):
    return read_results(write_study(folder, runs, name=study))


def over_eta(faa, seeds=range(5)):
    return [
        {ETA: eta, "seed": seed, "faa": value + 0.1 * seed, SPEED: 100 * (1 + eta) + seed}
        for eta, value in faa.items()
        for seed in seeds
    ]


@pytest.mark.parametrize(
    ("faa", "verdict"),
    [
        ({0.0: 50.0, 0.3: 60.0, 0.9: 40.0}, "held"),
        ({0.0: 50.0, 0.3: 60.0, 0.9: 70.0}, "failed"),
    ],
)
def test_a_best_value_is_above_every_other(tmp_path, faa, verdict):
    claim = Claim("η = 0.3 is best", "Fig. 4", "made", best(ETA, 0.3))
    judged = judge(claim, results(tmp_path, over_eta(faa)))
    assert judged.verdict == verdict
    assert set(judged.parts) == {"0.3 over 0", "0.3 over 0.9"}


def test_between_seeds_that_disagree_a_claim_is_open_and_says_what_it_would_take(tmp_path):
    runs = [
        {ETA: eta, "seed": seed, "faa": 50.0 + (eta > 0) * more}
        for seed, more in enumerate((3.0, -2.0, 4.0, -1.0))
        for eta in (0.0, 0.3)
    ]
    judged = judge(Claim("", "", "made", best(ETA, 0.3)), results(tmp_path, runs))
    assert judged.verdict == "undecided"
    assert judged.needed > 4


def test_a_single_seed_decides_nothing(tmp_path):
    judged = judge(
        Claim("", "", "made", best(ETA, 0.3)),
        results(tmp_path, over_eta({0.0: 0.0, 0.3: 99.0}, seeds=[0])),
    )
    assert judged.verdict == "undecided"


def test_what_was_not_run_is_said(tmp_path):
    judged = judge(Claim("", "", "made", best(GAMMA, 0.5)), results(tmp_path, over_eta({0.3: 1.0})))
    assert judged.verdict == "not run"


def test_a_claim_of_which_a_part_was_not_run_is_not_held(tmp_path):
    runs = [
        {"learner.sampling_interval": s, "seed": n, "faa": 50.0 + s} for s in (1, 2) for n in (0, 1)
    ]
    claim = Claim("", "", "made", both(*(higher({S: s}, {S: 1}) for s in (2, 5))))
    judged = judge(claim, results(tmp_path, runs))
    assert judged.verdict == "undecided"
    assert [one.apart.n for one in judged.parts.values()] == [2, 0]


def test_joint_training_is_compared_with_each_size_of_the_memory(tmp_path):
    """On the mean over both sizes CHARON is below it, with the large memory above."""
    runs = [
        {"learner": "finetune", "data.stream": "joint", "seed": seed, "faa": 75.0 + 0.1 * seed}
        for seed in range(3)
    ]
    runs += [
        {"learner": "charon", "learner.buffer_size": size, "seed": seed, "faa": faa}
        for size, faa in ((72, 60.0), (288, 80.0))
        for seed in range(3)
    ]
    claim = next(claim for claim in CLAIMS if claim.text == "CHARON stays below joint training")
    assert judge(claim, results(tmp_path, runs)).verdict == "failed"


def test_all_parts_of_a_claim_are_tested_at_5_percent_each_and_what_fails_it_by_holm(tmp_path):
    # Three pairs that differ by 4.4 +- 1.6: p is 0.041 alone, and above 0.05 by Holm for two.
    def runs(sign):
        return [
            {ETA: eta, "seed": seed, "faa": 50.0 + (eta == 0.3) * sign * gain}
            for seed, gain in enumerate((3.0, 4.1, 6.1))
            for eta in (0.0, 0.3, 0.9)
        ]

    claim = Claim("", "", "made", best(ETA, 0.3))
    assert judge(claim, results(tmp_path / "above", runs(1))).verdict == "held"
    assert judge(claim, results(tmp_path / "below", runs(-1))).verdict == "undecided"


def test_a_false_claim_of_two_parts_is_held_in_at_most_a_fortieth_of_studies():
    rng = np.random.default_rng(0)
    held = 0
    for values in rng.normal([[0.0], [9.0]], 1.0, (2000, 2, 5)):  # the first is at its border
        parts = [difference_of(pd.Series(v), pd.Series(np.zeros(5))) for v in values]
        held += all(one.is_decided_alone and one.apart.mean > 0 for one in parts)
    assert held / 2000 == pytest.approx(0.025, abs=0.01)


def test_a_slope_is_taken_seed_by_seed_and_has_its_unit(tmp_path):
    found = results(tmp_path, over_eta({0.0: 50.0, 0.5: 50.0, 0.9: 50.0}))
    judged = judge(Claim("", "", "made", grows(SPEED, ETA)), found)
    assert judged.verdict == "held"
    (slope,) = judged.parts.values()
    assert slope.apart.mean == pytest.approx(100.0)


def test_a_gain_that_grows_is_the_difference_of_slopes(tmp_path):
    runs = [
        {ETA: eta, GAMMA: gamma, "seed": seed, "faa": 50.0 + 20 * eta * gamma + 0.01 * seed * eta}
        for eta in (0.3, 0.6)
        for gamma in (0.0, 0.5)
        for seed in range(4)
    ]
    claim = Claim("", "", "made", gain_grows({GAMMA: 0.5}, {GAMMA: 0.0}, ETA, {}))
    judged = judge(claim, results(tmp_path, runs))
    assert judged.verdict == "held"
    assert judged.parts["slope of the gain"].apart.mean == pytest.approx(10.0)


def test_methods_are_compared_with_the_smallest_and_the_largest_memory(tmp_path):
    runs = [
        {"learner": learner, "learner.buffer_size": size, "seed": seed, "faa": faa + 0.1 * seed}
        for learner, size, faa in [
            ("derpp", 57, 60.0),
            ("derpp", 288, 70.0),
            ("charon", 57, 73.0),
            ("charon", 288, 69.0),
        ]
        for seed in range(3)
    ]
    found = results(tmp_path, runs, "baselines")
    small, large = CLAIMS[:2]
    assert judge(small, found).verdict == "held"
    assert judge(large, found).verdict == "failed"


def test_every_claim_names_a_study_that_there_is():
    from pathlib import Path

    studies = {path.stem for path in (Path(__file__).parents[3] / "studies").glob("*.py")}
    assert {claim.study for claim in CLAIMS} <= studies
    assert FAA == "test/faa"


def test_runs_at_equal_bytes_have_no_part_in_claims_of_equal_frames(tmp_path):
    """Thinning helps at equal frames (held), whatever it does at equal bytes."""
    runs = [
        {
            "learner": "derpp",
            "learner.sampling_interval": s,
            "learner.buffer_size": 500 if num_bytes is None else None,
            "learner.buffer_bytes": num_bytes,
            "seed": seed,
            "faa": 50.0 + (s == 5) * (4 if num_bytes is None else -90) + 0.1 * seed,
        }
        for s in (1, 5)
        for num_bytes in (None, 36_000_000)
        for seed in range(5)
    ]
    claim = next(claim for claim in CLAIMS if claim.text == "s = 5 is best for DER++")
    assert judge(claim, results(tmp_path, runs)).verdict == "held"
