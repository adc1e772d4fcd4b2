"""Cases: what varies, how it is named, what is repeated."""

from report.made_studies import write_study

from charon.presets import PRESETS
from charon.report.cases import ALWAYS, BASE, cases_of, varied_fields
from charon.report.results import read_results


def test_a_case_is_a_combination_of_what_varies_and_seeds_are_its_runs(intervals):
    assert varied_fields(intervals) == ["method", "learner.sampling_interval"]
    cases = cases_of(intervals)
    assert [case.name for case in cases] == [
        *("ER, s = 1", "ER, s = 2", "ER, s = 5"),
        *("CHARON, s = 1", "CHARON, s = 2", "CHARON, s = 5"),
    ]
    assert {len(case.runs) for case in cases} == {3}


def test_runs_that_are_missing_are_counted(tmp_path):
    runs = [{"seed": 0, "faa": 50.0}, {"seed": 1, "faa": 0.0, "status": "failed"}]
    (case,) = cases_of(read_results(write_study(tmp_path, runs)))
    assert (len(case.runs), case.num_planned, case.name) == (1, 2, "CHARON")


def test_joint_training_is_a_method_and_not_a_stream(tmp_path):
    runs = [
        {"learner": "finetune", "data.stream": stream, "seed": 0, "faa": 10.0}
        for stream in ("split", "joint")
    ]
    results = read_results(write_study(tmp_path, runs, varied=["learner", "data.stream"]))
    assert [case.values for case in cases_of(results)] == [{"method": "FT"}, {"method": "JT"}]


def test_the_stream_of_another_method_stays_a_field(tmp_path):
    runs = [{"data.stream": stream, "seed": 0, "faa": 10.0} for stream in ("split", "joint")]
    results = read_results(write_study(tmp_path, runs, varied=["data.stream"]))
    assert [case.name for case in cases_of(results)] == ["stream = split", "stream = joint"]


def test_a_field_that_a_method_lacks_is_none_and_not_in_its_name(tmp_path):
    runs = [
        {"learner": "finetune", "seed": 0, "faa": 10.0},
        {"learner.masking_ratio": 0.3, "seed": 0, "faa": 10.0},
    ]
    results = read_results(write_study(tmp_path, runs, varied=["learner", "learner.masking_ratio"]))
    bound, charon = cases_of(results)
    assert bound.values["learner.masking_ratio"] is None
    assert (bound.name, charon.name) == ("FT", "CHARON, η = 0.3")


def test_where_many_fields_vary_a_case_is_named_by_what_is_unusual(tmp_path):
    fields = [f"learner.switch_{n}" for n in range(6)]
    usual = dict.fromkeys(fields, 0)
    settings = [{}, *({name: 1} for name in fields), dict.fromkeys(fields, 1)]
    settings.append({**dict.fromkeys(fields, 1), fields[0]: 0})
    runs = [{**usual, **setting, "seed": 0, "faa": 10.0} for setting in settings]
    names = [
        case.name for case in cases_of(read_results(write_study(tmp_path, runs, varied=fields)))
    ]
    assert names[:2] == [BASE, "switch 0 = 1"]
    assert names[-2:] == ["all of them", "all but switch 0"]


def test_a_case_with_all_fields_of_a_preset_has_its_name(tmp_path):
    compact, codec = PRESETS["compact"], "learner.codec"
    usual = {name: {bool: False, float: 0.0}.get(type(v), "usual") for name, v in compact.items()}
    settings = [{}, *({codec: name} for name in "abc"), compact, {**compact, codec: "a"}]
    runs = [{**usual, codec: "thinned", **setting, "seed": 0, "faa": 1.0} for setting in settings]
    # Of a method without them, fields are missing.
    lacking = {name: value for name, value in compact.items() if name != "learner.bodies"}
    runs.append({**lacking, codec: "thinned", "learner": "er", "seed": 0, "faa": 1.0})
    varied = ["learner", codec, *compact]
    names = [
        case.name for case in cases_of(read_results(write_study(tmp_path, runs, varied=varied)))
    ]
    assert names[:2] == ["CHARON", "CHARON, codec = a"]
    assert names[4:] == ["CHARON, compact", "CHARON, codec = a, compact", "ER, compact"]


def test_the_method_and_the_memory_are_said_beside_many_unusual_fields(tmp_path):
    fields = [f"learner.switch_{n}" for n in range(5)]
    settings = [dict.fromkeys(fields, 0)] * 3 + [dict.fromkeys(fields, 1)]
    runs = [
        {"learner": learner, "learner.buffer_bytes": size, **setting, "seed": 0, "faa": 10.0}
        for learner in ("charon", "charon_of_mine", "er")
        for size in (1000, 4000)
        for setting in settings
    ]
    results = read_results(write_study(tmp_path, runs, varied=["learner", *ALWAYS, *fields]))
    names = [case.name for case in cases_of(results)]
    assert names[-2:] == ["ER, buffer size = 4 kB", "ER, buffer size = 4 kB, all of them"]


def test_what_another_method_lacks_is_not_in_its_difference(tmp_path):
    fields = [f"learner.switch_{n}" for n in range(6)]
    usual = dict.fromkeys(fields, 0)
    runs = [usual, *({**usual, name: 1} for name in fields), {"learner": "er", fields[0]: 0}]
    runs = [{**run, "seed": 0, "faa": 10.0} for run in runs]
    results = read_results(write_study(tmp_path, runs, varied=["learner", *fields]))
    assert [case.name for case in cases_of(results)][-1] == "ER"


def test_each_case_of_several_sizes_of_the_memory_says_which_it_has(tmp_path):
    """Also that with the usual values, which would otherwise be known by its method alone."""
    fields = ["learner.bodies", "learner.storage", "learner.codec"]
    settings = [{}, dict(zip(fields, ("present", "int8", "dct"), strict=True))]
    runs = [
        {"learner": learner, "learner.buffer_bytes": size, **setting, "seed": 0, "faa": 10.0}
        for learner in ("charon", "er")
        for setting in settings
        for size in (2_000, 4_000)
    ]
    results = read_results(write_study(tmp_path, runs, varied=["learner", *ALWAYS, *fields]))
    names = [case.name for case in cases_of(results)]
    assert names[:2] == ["CHARON, buffer size = 2 kB", "CHARON, buffer size = 4 kB"]
    together = "bodies = present, storage = int8, codec = dct"
    assert f"ER, buffer size = 4 kB, {together}" in names
    in_clips = [{**run, "learner.buffer_size": 500, "learner.buffer_bytes": None} for run in runs]
    results = read_results(
        write_study(tmp_path / "both", [*in_clips[::2], *runs[::2]], varied=results.study.varied)
    )
    names = [case.name for case in cases_of(results)]
    assert names[0] == "CHARON, M = 500"
    assert "CHARON, buffer size = 2 kB" in names
