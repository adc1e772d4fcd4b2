"""The Optuna study of a search is made from its journal, and written for Optuna's dashboard."""

import sqlite3
from contextlib import closing

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.samplers._tpe.sampler import _split_trials
from optuna.trial import TrialState
from tuning.driven_search import DrivenSearch, plan

from charon.tuning.records.folder import ResultsError
from charon.tuning.records.journal import FAILED, INTERRUPTED
from charon.tuning.sampling.optuna_study import (
    DATABASE,
    IS_START,
    NAME,
    REFUSED,
    TRIAL,
    Encoding,
    check_database,
    load_optuna_study,
    write_database,
)
from charon.tuning.study.objectives import score
from charon.tuning.study.space import Choice, MaskingRatio, Real, SamplingInterval, Whole

OBJECTIVES = ("val/faa", "memory/bytes", "time/train_seconds")


def test_a_trial_has_its_number_its_names_its_setting_and_its_scores(tmp_path):
    search = DrivenSearch(tmp_path)
    first, second = search.suggest(), search.suggest()
    search.report(second, 1, 90.0)
    search.report(second, 2, 80.0)
    trial = search.study.trials[1]
    assert trial.state == TrialState.RUNNING
    assert trial.user_attrs == {NAME: second.label, TRIAL: second.trial_id}
    assert search.study.trials[0].user_attrs[IS_START]
    assert first.label.endswith("#0")
    decoded = search.encoding.decode(trial.params)
    assert decoded == {name: second.fields[name] for name in decoded}
    assert trial.intermediate_values == {1: score(1, 6, 90.0), 2: score(2, 6, 80.0)}


def test_a_stopped_trial_with_95_percent_loses_to_a_finished_one_with_50(tmp_path):
    search = DrivenSearch(tmp_path)
    stopped, finished = search.suggest(), search.suggest()
    search.finish(stopped, [99.0, 98.0, 96.0, 95.0])
    search.finish(finished, [90.0, 80.0, 70.0, 60.0, 55.0, 50.0])
    states = [trial.state for trial in search.study.trials]
    assert states == [TrialState.PRUNED, TrialState.COMPLETE]
    assert search.study.best_trial.user_attrs[TRIAL] == finished.trial_id
    assert search.study.best_trial.user_attrs["val/faa"] == 50.0
    assert search.study.best_value == score(6, 6, 50.0)


def test_the_sampler_ranks_every_stopped_trial_below_every_finished_one(tmp_path):
    search = DrivenSearch(tmp_path)
    early, late, finished = (search.suggest() for _ in range(3))
    for record, faas in ((early, [99.0] * 2), (late, [99.0] * 4), (finished, [50.0] * 6)):
        search.finish(record, faas)
    study = search.study
    # TPE models the best few of all trials; which these are is its own to say.
    best = [_split_trials(study, study.trials, number)[0] for number in (1, 2, 3)]
    names = [{trial.number for trial in some} for some in best]
    assert names == [{2}, {2, 1}, {2, 1, 0}]


def test_a_failed_trial_is_that_until_it_goes_on(tmp_path):
    search = DrivenSearch(tmp_path)
    record = search.suggest()
    search.report(record, 1, 90.0)
    search.journal.append("end", record.trial_id, outcome=FAILED)
    assert search.study.trials[0].state == TrialState.FAIL
    again = DrivenSearch(tmp_path)
    assert again.study.trials[0].state == TrialState.RUNNING
    again.finish(again.journal.trials[record.trial_id], [90.0] * 6)
    assert [trial.state for trial in again.study.trials] == [TrialState.COMPLETE]


def test_an_interrupted_trial_still_runs_for_the_sampler(tmp_path):
    search = DrivenSearch(tmp_path)
    search.journal.append("end", search.suggest().trial_id, outcome=INTERRUPTED)
    assert search.study.trials[0].state == TrialState.RUNNING


def test_refused_settings_have_their_place_and_their_constraint(tmp_path):
    space = {"learner.buffer_size": Whole(100, 2000), "learner.alpha": Real(0.1, 1)}
    search = DrivenSearch(tmp_path, space, bytes_of=lambda f: f["learner.buffer_size"], budget=500)
    for _ in range(4):
        search.suggest()
    for event in search.refused:
        trial = search.study.trials[event["number"]]
        assert trial.state == TrialState.PRUNED
        assert trial.user_attrs[REFUSED] == event["refused"]
        assert trial.constraints["memory/bytes"] > 0
    assert len(search.study.trials) == 4 + len(search.refused) > 4


def test_several_objectives_are_told_at_the_end_each_in_its_direction(tmp_path):
    search = DrivenSearch(tmp_path, objectives=OBJECTIVES)
    for place in range(4):
        record = search.suggest()
        more = {"memory/bytes": 10.0 * place, "time/train_seconds": 7.0}
        search.finish(record, [89.0, 88.0], 2, **more)
    assert search.study.trials[3].values == [88.0, 30.0, 7.0]
    assert not search.study.trials[3].intermediate_values
    assert [trial.number for trial in search.study.best_trials] == [0]


def test_trials_have_the_times_of_the_journal(tmp_path):
    search = DrivenSearch(tmp_path)
    record = search.suggest()
    search.finish(record, [90.0] * 6)
    trial = search.study.trials[0]
    assert trial.datetime_complete.timestamp() == pytest.approx(record.ended, abs=1e-5)
    assert trial.datetime_start <= trial.datetime_complete


def test_optunas_dashboard_shows_numbers_names_and_faa_beside_the_score(tmp_path):
    search = DrivenSearch(tmp_path)
    record = search.suggest()
    search.finish(record, [90.0, 80.0, 70.0, 60.0, 55.0, 50.0])
    search.suggest()
    for _ in range(2):  # an older file is replaced
        write_database(search.study, plan(), tmp_path)
    # As it opens with Optuna alone.
    url = f"sqlite:///{tmp_path / DATABASE}"
    shown = optuna.load_study(study_name="study-1a2b3c4d", storage=url)
    assert shown.metric_names == ["val/faa, score"]
    assert shown.best_trial.user_attrs[NAME] == record.label
    assert shown.best_trial.user_attrs["val/faa"] == 50.0
    assert shown.best_value == score(6, 6, 50.0)
    assert [t.state for t in shown.trials] == [TrialState.COMPLETE, TrialState.RUNNING]
    assert [t.params for t in shown.trials] == [t.params for t in search.study.trials]
    assert len(load_optuna_study(tmp_path, plan()).trials) == 2


def test_a_lost_database_costs_nothing(tmp_path):
    search = DrivenSearch(tmp_path)
    search.finish(search.suggest(), [90.0] * 6)
    write_database(search.study, plan(), tmp_path)
    before = load_optuna_study(tmp_path, plan()).trials
    (tmp_path / DATABASE).unlink()
    write_database(DrivenSearch(tmp_path).study, plan(), tmp_path)
    assert load_optuna_study(tmp_path, plan()).trials == before


# The file is written whole, and never over a file that is not Optuna's.


@pytest.fixture
def path(tmp_path):
    return tmp_path / "optuna.db"


def write(path, study=None):
    write_database(study or optuna.create_study(direction="maximize"), plan(), path.parent)


class Broken:
    """A study whose trials cannot be had, in the middle of writing it."""

    directions = ("maximize",)

    def get_trials(self, deepcopy):
        raise KeyboardInterrupt


def test_a_database_is_whole_under_its_name_and_alone(path):
    write(path)
    assert optuna.get_all_study_names(f"sqlite:///{path}") == ["study-1a2b3c4d"]
    assert list(path.parent.iterdir()) == [path]


def test_what_was_there_stays_after_an_error(path):
    write(path)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write(path, Broken())
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_database_that_cannot_be_written_is_one_sentence(path):
    with pytest.raises(ResultsError, match=r"optuna.db cannot be written \(.*--resume"):
        write(path.parent / "missing" / "optuna.db")


def test_no_file_and_a_file_of_optuna_are_fine(path):
    check_database(path)
    write(path)
    check_database(path)


def test_a_file_of_optuna_that_another_program_holds_is_fine_for_it_is_replaced(path):
    write(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        check_database(path)
        write(path)


@pytest.mark.parametrize("kept", [0, 50, 5000])
def test_a_damaged_file_of_optuna_is_fine_for_it_is_made_anew(path, kept):
    write(path)
    path.write_bytes(path.read_bytes()[:kept])
    check_database(path)


def test_a_file_that_is_no_database_is_refused_and_kept(path):
    path.write_text("my diary " * 1000)
    with pytest.raises(ResultsError, match="is not a database of Optuna"):
        check_database(path)
    assert path.read_text() == "my diary " * 1000


def test_another_programs_database_is_refused_and_kept(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(ResultsError, match="is not a database of Optuna"):
        check_database(path)
    assert path.read_bytes() == before


# Fields of a run and Optuna's parameters name each other.


SPACE = {
    "learner.masking_ratio": MaskingRatio(0.0, 0.9, tuples=20),
    "learner.alpha": Real(0.05, 1.0, log=True),
    "learner.sampling_interval": SamplingInterval(1, 10, frames=120),
    "learner.masking": Choice(("random", "deterministic")),
}
FIELDS = {
    "learner.masking_ratio": 0.85,
    "learner.alpha": 0.3,
    "learner.sampling_interval": 5,
    "learner.masking": "random",
}


@pytest.mark.parametrize("as_numbers", [False, True])
def test_parameters_and_fields_name_each_other(as_numbers):
    encoding = Encoding(SPACE, as_numbers=as_numbers)
    assert encoding.decode(encoding.encode(FIELDS)) == FIELDS
    assert set(encoding.encode(FIELDS)) == set(encoding.distributions)


def test_a_masking_ratio_is_a_whole_number_of_kept_tuples():
    encoding = Encoding(SPACE)
    assert encoding.encode(FIELDS)["learner.masking_ratio:kept_tuples"] == 3
    assert encoding.distributions["learner.masking_ratio:kept_tuples"] == IntDistribution(2, 20)


def test_a_sampling_interval_is_itself_or_for_numbers_only_its_place():
    field = "learner.sampling_interval"
    values = (1, 2, 3, 4, 5, 6, 8, 10)
    assert Encoding(SPACE).distributions[field] == CategoricalDistribution(values)
    numbers = Encoding(SPACE, as_numbers=True)
    assert numbers.distributions[field + ":place"] == IntDistribution(0, 7)
    assert numbers.encode(FIELDS)[field + ":place"] == 4
