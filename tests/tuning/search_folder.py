"""The folder that a search leaves, made from records without running anything."""

import json
import math
from pathlib import Path

import numpy as np
from tuning.search_records import record

from charon.files import STUDY_VERSION, write_json
from charon.tuning.records.tables import curves_csv, trials_csv
from charon.tuning.selection.confirm import confirmed
from charon.tuning.selection.protocol_gap import measure_gap, write_gap
from charon.tuning.selection.winner import select, selection_facts
from charon.tuning.study.selection_rules import TEST, VALIDATION, Rule
from charon.tuning.study.space import Choice, MaskingRatio, Real, to_plain

SPACE = {
    "learner.masking_ratio": MaskingRatio(0.0, 0.9),
    "learner.sampling_interval": Choice((1, 2, 5, 10)),
    "learner.alpha": Real(0.05, 1.0, log=True),
    "learner.beta": Real(0.1, 1.5),
    "optimiser.learning_rate": Real(0.02, 0.5, log=True),
}
NUM_TASKS = 6
GAP = 5


def searched_records(number=24, seed=0):
    """Trials in which accuracy falls with the masking ratio and peaks at alpha 0.3."""
    rng, records = np.random.default_rng(seed), []
    for n in range(number):
        fields = {
            "learner.masking_ratio": round(1 - int(rng.integers(1, 11)) / 10, 10),
            "learner.sampling_interval": int(rng.choice([1, 2, 5, 10])),
            "learner.alpha": float(np.exp(rng.uniform(np.log(0.05), 0))),
            "learner.beta": float(rng.uniform(0.1, 1.5)),
            "optimiser.learning_rate": float(np.exp(rng.uniform(np.log(0.02), np.log(0.5)))),
        }
        if n == 0:
            fields |= {"learner.masking_ratio": 0.3, "learner.alpha": 0.3, "learner.beta": 0.8}
        last = 62 - 30 * fields["learner.masking_ratio"] ** 2
        last += 4 * (1 - abs(math.log(fields["learner.alpha"] / 0.3))) + rng.normal(0, 3)
        faas = [95 - (95 - last) * (t / NUM_TASKS) ** 0.8 + rng.normal(0, 2) for t in range(1, 6)]
        stopped = n % 3 == 2 or last < 40
        size = 1000.0 * int(rng.integers(100, 400))
        one = record(
            f"t{n}",
            faas[: 2 if n % 2 else 4] if stopped else [*faas, last],
            NUM_TASKS,
            num_bytes=size,
            **{name.replace(".", "__"): value for name, value in fields.items()},
        )
        one.number = n if n < GAP else n + 2  # two suggestions were refused
        one.label = f"eta{fields['learner.masking_ratio']:.2f} s5 M100 seed0 #{one.number}"
        one.started = 1000.0 + 55 * (n // 2) + 6 * (n % 2)
        one.ended = one.started + 11 * one.tasks_seen * rng.uniform(0.8, 1.2)
        records.append(one)
    records[7].status, records[7].error = "failed", "The loss became nan."
    return records


def write_search(
    folder,
    records,
    objectives=("val/faa",),
    rule=Rule(VALIDATION),  # noqa: B008 - frozen
    *,
    is_standin=True,
    has_confirm=True,
    num_seeds=3,
    confirmed_on="ntu60-xview",
    settings=None,
    seed=0,
    cache=Path("/prepared"),
    cpus=1.0,
):
    """Write what the report reads of a search into ``folder``."""
    rng = np.random.default_rng(seed)
    tested = {
        r.trial_id: {"test/faa": r.final["val/faa"] - 2 + rng.normal(0, 2)}
        for r in records
        if r.final
    }
    directions = ["minimize" if name == "memory/bytes" else "maximize" for name in objectives]
    chosen = select(records, objectives, rule, tested)
    facts = selection_facts(records, chosen, rule, list(SPACE), cache, cpus) | {
        "objectives": list(objectives),
        "directions": directions,
        "scored": len(objectives) == 1,
        "sampler": "tpe",
        "pruner": "asha",
        "extensions": 0,
        "seed": 0,
        "validation": "held-out performers 3, 9",
        "confirm_seeds": [2, 3, 4][:num_seeds] if has_confirm else [],
        "refused": [GAP, GAP + 1] if len(records) > GAP else [],
    }
    study = {
        "version": STUDY_VERSION,
        "num_trials": len(records),
        "extensions": 0,
        "name": "search",
        "question": "Which setting learns most and forgets least?",
        "data": "standin" if is_standin else "ntu60",
        "is_standin": is_standin,
        "protocol": "ntu60-xview",
        "scale": "small",
        "objectives": list(objectives),
        "varied": list(SPACE),
        "space": to_plain(SPACE),
        "budget": 400_000,
        "options": {"settings": settings or {}},
    }
    folder.mkdir(exist_ok=True)
    (folder / "study.json").write_text(json.dumps(study))
    (folder / "trials.csv").write_text(trials_csv(records))
    (folder / "curves.csv").write_text(curves_csv(records))
    write_json(folder / "selection.json", facts)
    write_gap(measure_gap(records, tested, 2), folder)
    rows = [
        f"{objectives[0]},{name},{s},PED-ANOVA,15" for name, s in zip(SPACE, SHARES, strict=True)
    ]
    (folder / "importance.csv").write_text(
        "\n".join(["objective,field,importance,evaluator,n", *rows]) + "\n"
    )
    if has_confirm:
        faas = {"winner": [60.0, 62.0, 64.0], "paper": [55.0, 58.0, 58.0]}
        few = {role: values[:num_seeds] for role, values in faas.items()}
        _write_confirm(folder, few, confirmed_on)
    return facts


SHARES = (0.46, 0.08, 0.31, 0.05, 0.1)


def _write_confirm(folder, faas, protocol):
    runs = []
    for role, values in faas.items():
        for seed, faa in enumerate(values, start=2):
            run = record(f"{role}{seed}", [faa] * NUM_TASKS, seed=seed)
            run.label, run.role = f"{role} eta0.30 seed{seed}", role
            run.curve = {t: {"test/faa": m["val/faa"]} for t, m in run.curve.items()}
            runs.append(run)
    (folder / "confirm").mkdir(exist_ok=True)
    (folder / "confirm" / "trials.csv").write_text(trials_csv(runs))
    seeds = [2, 3, 4][: len(faas["winner"])]
    content = {**confirmed(runs), "seeds": seeds, "protocol": protocol}
    write_json(folder / "confirm.json", content)


BY_TEST = Rule(TEST)
