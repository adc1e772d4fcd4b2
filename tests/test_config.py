"""The description of a run: names, ranges, presets, and the way there and back."""

import dataclasses
import pickle

import pytest

from charon.config import Run
from charon.errors import ConfigError
from charon.learners import LEARNERS
from charon.presets import PRESETS
from charon.settings import describe


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("preset", PRESETS)
def test_a_run_survives_being_flattened(learner, preset):
    run = Run.preset(preset, {"learner": learner, "seed": 3, "optimiser.epochs": 7})
    flat = run.to_flat()
    assert all(
        value is None or isinstance(value, bool | int | float | str) for value in flat.values()
    )
    assert Run.from_flat(flat) == run
    assert run.learner_name == learner == flat["learner"]
    assert pickle.loads(pickle.dumps(run)) == run


@pytest.mark.parametrize(
    ("value", "flat"), [(0, 0), (10, 10), ((4, 4, 2), "4,4,2"), ((7,), "7,"), ([3, 3], "3,3")]
)
def test_task_sizes_survive_it_too(value, flat):
    run = Run.from_flat({"data.classes_per_task": value})
    assert run.to_flat()["data.classes_per_task"] == flat
    assert Run.from_flat(run.to_flat()) == run


def test_the_defaults_are_the_papers():
    flat = Run().to_flat()
    paper = {
        "learner": "charon",
        "learner.masking_ratio": 0.3,
        "learner.masking": "random",
        "learner.masking_position": "post",
        "learner.alpha": 0.3,
        "learner.beta": 0.8,
        "learner.gamma": 0.5,
        "learner.buffer_size": 500,
        "learner.sampling_interval": 5,
        "learner.replay_batch_size": 16,
        "optimiser.learning_rate": 0.05,
        "optimiser.batch_size": 16,
        "optimiser.epochs": 30,
        "model.size": "tiny",
        "model.frames_per_tuple": 6,
        "data.num_frames": 120,
        "data.rotation": 0.3,
        "argmax": "seen",
    }
    assert {name: flat[name] for name in paper} == paper
    assert Run.preset("paper") == Run()
    assert Run().learner.num_probing_epochs(30) == 3


def test_the_released_preset_is_every_switch_of_the_authors_code():
    flat, paper = Run.preset("released").to_flat(), Run().to_flat()
    assert {name: flat[name] for name in flat if flat[name] != paper[name]} == {
        "data.class_order": "released",
        "data.duplicate_bodies": "keep",
        "model.presence": "positive_sum",
        "learner.mask_rounding": "float",
        "learner.replay_draws": 2,
        "learner.capacity_rule": "times_interval",
        "learner.probe_inserts": "every_epoch",
        "learner.store_without_probing": False,
        "learner.rebuild": "resize",
        "learner.refresh_rotation": True,
        "argmax": "all",
    }


def test_a_preset_gives_way_to_what_is_asked_for():
    run = Run.preset("released", {"learner.replay_draws": 1, "data.class_order": "natural"})
    assert run.learner.replay_draws == 1
    assert run.data.class_order == "natural"
    assert run.learner.rebuild == "resize"


def test_there_is_no_other_preset():
    with pytest.raises(ConfigError, match="no preset 'real'; known are paper, released"):
        Run.preset("real")


def test_fields_are_replaced_by_their_dotted_names():
    run = Run().replace({"learner.masking_ratio": 0.5, "seed": 4})
    assert (run.learner.masking_ratio, run.seed) == (0.5, 4)
    assert run.replace({"learner.masking_ratio": 0.3, "seed": 0}) == Run()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("learner.maskingratio", "learner.masking_ratio"),
        ("masking_ratio", "learner.masking_ratio"),
        ("lerner.alpha", "learner.alpha"),
        ("seeds", "seed"),
        ("model.", "model.size"),
    ],
)
def test_a_misspelt_field_names_the_one_that_is_meant(name, meant):
    with pytest.raises(ConfigError, match=f"no field '{name}'; did you mean '{meant}'\\?$"):
        Run.from_flat({name: 0.5})


def test_a_field_of_other_learners_names_them():
    with pytest.raises(
        ConfigError, match=r"'er' has no field 'learner.masking_ratio'.*: charon\.$"
    ):
        Run.from_flat({"learner": "er", "learner.masking_ratio": 0.3})


def test_a_value_that_no_file_can_hold_is_refused():
    with pytest.raises(ConfigError, match=r"optimiser.learning_rate must be below 2\*\*63"):
        Run.from_flat({"optimiser.learning_rate": 1e30})


def test_a_field_like_no_other_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"known are learner, data\.path.* learner\.masking"):
        Run.from_flat({"xyz": 0.5})


def test_a_method_does_not_take_another_methods_fields():
    with pytest.raises(ConfigError, match=r"'finetune' has no field 'learner\.alpha'"):
        Run.from_flat({"learner": "finetune", "learner.alpha": 0.3})


def test_an_unknown_method_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"no learner 'sharon'; known are .*charon.*finetune"):
        Run.from_flat({"learner": "sharon"})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("learner.masking_ratio", 1.0, "learner.masking_ratio < 1 must hold"),
        ("learner.masking_ratio", -0.1, "learner.masking_ratio >= 0 must hold"),
        ("learner.masking_ratio", float("nan"), "learner.masking_ratio must be finite"),
        ("learner.masking_ratio", "much", "learner.masking_ratio must be of type float"),
        ("learner.gamma", True, "learner.gamma must be of type float"),
        ("learner.buffer_size", 2.5, "learner.buffer_size must be of type int"),
        ("learner.buffer_size", -1, "learner.buffer_size >= 0 must hold"),
        ("learner.sampling_interval", 0, "learner.sampling_interval >= 1 must hold"),
        ("learner.replay_draws", 3, "learner.replay_draws must be one of 1, 2"),
        ("learner.masking", "some", "learner.masking must be one of 'random', 'deterministic'"),
        ("learner.probing_epochs", -1, "learner.probing_epochs >= 0 must hold"),
        ("optimiser.learning_rate", 0, "optimiser.learning_rate > 0 must hold"),
        ("optimiser.learning_rate", float("inf"), "optimiser.learning_rate must be finite"),
        ("data.val_fraction", 1, "data.val_fraction < 1 must hold"),
        ("data.benchmark", "ntu61", "data.benchmark must be one of"),
        ("model.size", "huge", "model.size must be one of 'tiny', 'base', 'nano'"),
        ("model.backbone", "resnet", "model.backbone must be one of 'sttformer', 'stgcn', but got"),
        (
            "model.encoder",
            "32-x",
            "model.encoder must be the channels after each .*, but got '32-x'",
        ),
        ("model.encoder", "", "model.encoder must be the channels after each .*, but got ''"),
        ("model.decoder", "16-0-8", "model.decoder must be the channels .*, but got '16-0-8'"),
        ("model.decoder", -4, "model.decoder must be the channels .*, but got -4"),
        ("model.encoder", 1.5, "model.encoder must be of type str or int"),
        ("model.heads", 0, "model.heads >= 1 must hold"),
        ("model.query_key", 0, "model.query_key >= 1 must hold"),
        ("seed", -1, "seed >= 0 must hold"),
        ("argmax", "some", "argmax must be one of 'seen', 'all'"),
    ],
)
def test_a_value_out_of_range_names_its_field(name, value, message):
    with pytest.raises(ConfigError, match=message):
        Run.from_flat({name: value})


def test_whole_numbers_are_what_they_are_meant_to_be():
    run = Run.from_flat({"learner.alpha": 1, "learner.buffer_size": 20.0})
    assert isinstance(run.learner.alpha, float)
    assert isinstance(run.learner.buffer_size, int)


def test_frames_must_fill_whole_tuples():
    with pytest.raises(ConfigError, match=r"num_frames must be a multiple of .*frames_per_tuple"):
        Run.from_flat({"data.num_frames": 100, "model.frames_per_tuple": 6})


STGCN = {"model.backbone": "stgcn", "learner.masking_position": "pre"}


@pytest.mark.parametrize(("given", "plain"), [("32-64-128", "32-64-128"), ("32", 32), (32, 32)])
def test_widths_survive_being_flattened(given, plain):
    run = Run.from_flat({"model.encoder": given, "model.decoder": given})
    assert (run.model.encoder, run.model.decoder) == (plain, plain)
    assert Run.from_flat(run.to_flat()) == run


def test_a_backbone_that_keeps_frames_is_not_masked_by_tuples():
    assert Run.from_flat(STGCN).model.backbone == "stgcn"
    assert Run.from_flat({"learner": "er", "model.backbone": "stgcn"}).learner_name == "er"
    message = (
        r"^learner\.masking_position=post does not go with model\.backbone=stgcn; set "
        r"learner\.masking_position=pre\.$"
    )
    with pytest.raises(ConfigError, match=message):
        Run.from_flat({"model.backbone": "stgcn"})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "heads",
            2,
            "model.heads=2 does not go with model.backbone=stgcn, which has no such field",
        ),
        ("attention", "tanh", "model.attention=tanh does not go with model.backbone=stgcn"),
        ("encoder", "32-5", "model.encoder must have at least 6 channels .* but got 5"),
        ("decoder", 4, "model.decoder must have at least 6 channels .* but got 4"),
    ],
)
def test_a_field_of_another_backbone_is_refused(name, value, message):
    with pytest.raises(ConfigError, match=message):
        Run.from_flat({**STGCN, f"model.{name}": value})


@pytest.mark.parametrize("learner", ["er", "der", "derpp", "icarl"])
def test_the_baselines_store_whole_clips_unless_asked(learner):
    assert Run.from_flat({"learner": learner}).learner.sampling_interval == 1


@pytest.mark.parametrize("group", ["data", "model", "optimiser", "learner"])
def test_every_field_says_what_it_means(group):
    for name, allowed, meaning in describe(type(getattr(Run(), group))):
        assert meaning, name
        assert allowed, name


@pytest.mark.parametrize("learner", LEARNERS)
def test_every_field_of_every_learner_says_so_too(learner):
    for field in dataclasses.fields(LEARNERS[learner].settings):
        assert field.metadata["help"], field.name


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Run().seed = 1


@pytest.mark.parametrize(
    "flat",
    [
        {"model.size": "²,3"},
        {"data.classes_per_task": "²,3"},
        {"data.classes_per_task": "9" * 5000 + ",1"},
        {"seed": 10**400},
        {"optimiser.learning_rate": 10**400},
        {"data.classes_per_task": 10**400},
        {"learner": ["charon"]},
        {"seed": "9" * 5000},
        {"x" * 10_000: 1},
        {"data.path": []},
    ],
)
def test_odd_values_are_refused_in_a_short_sentence(flat):
    with pytest.raises(ConfigError) as error:
        Run.from_flat(flat)
    assert len(str(error.value)) < 5000
