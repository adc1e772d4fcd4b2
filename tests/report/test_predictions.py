"""FAA from what a run predicted for each clip."""

import numpy as np

from charon.report.predictions import recomputed_faa


def test_faa_is_the_mean_over_tasks_and_not_over_clips(tmp_path):
    folder = tmp_path / "trials" / "eta0.30_seed0"
    folder.mkdir(parents=True)
    np.savez(
        folder / "predictions.npz",
        task=[0, 1, 1, 1, 1],
        label=[0, 1, 1, 1, 1],
        prediction=[0, 1, 0, 0, 0],
    )
    assert recomputed_faa(tmp_path, "eta0.30 seed0") == 62.5
    assert recomputed_faa(tmp_path, "another") is None
