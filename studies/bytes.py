"""What is a byte of memory worth, by method and by how clips are stored?

Question   FAA against the bytes of the memory: of ER, DER++ and CHARON, as the paper has them and
           with the `compact` preset, and of CHARON with each codec and storage of its clips.
Paper      CHARON (ICPR 2024), Table 1, counts clips; here every byte counts: those of ER's 125,
           500 and 2,000 whole clips. ER and DER++ store clips whole, CHARON at s=5.
Memory     frames, presence, labels, logits, scales and indices of frames.
Small      bytes shrink by one factor, so that the memory of most clips could hold them all.
Cost       see --dry-run, which measures a few steps on this machine.
Run        python studies/bytes.py
Read       python analysis/bytes.py
"""

from charon.presets import PRESETS
from charon.tuning import Study, main
from charon.tuning.study.fields import known_fields

COMPACT = PRESETS["compact"]

study = Study(
    name="bytes",
    question="What is a byte of memory worth, by method and by how clips are stored?",
    cases=[
        {"learner": "er"},
        {"learner": "derpp"},
        {"learner": "charon"},
        {"learner": "charon", "learner.bodies": "present"},
        {"learner": "charon", "learner.storage": "float16"},
        {"learner": "charon", "learner.storage": "int8"},
        {"learner": "charon", "learner.codec": "block_mean"},
        {"learner": "charon", "learner.codec": "least_squares"},
        {"learner": "charon", "learner.codec": "dct"},
        {"learner": "charon", "learner.codec": "key_frames"},
        {
            "learner": "charon",
            "learner.codec": "dct",
            "learner.storage": "int8",
            "learner.bodies": "present",
        },
        *(
            {"learner": name, **{f: v for f, v in COMPACT.items() if f in known_fields(name)}}
            for name in ("er", "derpp", "charon")
        ),
    ],
    grid={"learner.buffer_bytes": [9_001_250, 36_005_000, 144_020_000]},
    seeds=(0, 1, 2),
    small_memory_share=1.0,
)

if __name__ == "__main__":
    main(study)
