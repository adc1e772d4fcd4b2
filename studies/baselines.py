"""Every method of the paper's Table 1, and X-DER, under the same conditions.

Question   How do the methods compare, for a small and a large memory?
Paper      CHARON (ICPR 2024), Table 1; X-DER is not in it.
Same       learning rate, batch, epochs, backbone, data, rotation: the paper's, for all methods.
Ours       α and β of DER, DER++ and X-DER (the paper gives none; CHARON's values), and what
           Else-Net is made of (a reconstruction, see its file). X-DER's other weights are its
           authors' defaults. Nothing was tuned to published numbers.
Memory     CHARON thins its clips (s=5), the others store them whole, as in Table 1: at the same
           M the frames are the same. At the small scale both sizes of M shrink by one factor.
Cost       see --dry-run, which measures a few steps of each method on this machine.
Run        python studies/baselines.py [--data PATH] [--benchmark ntu60-xview ntu60-xsub]
Read       python analysis/baselines.py
"""

from charon.tuning import Study, main

study = Study(
    name="baselines",
    question="How do the methods of Table 1 compare, with a small and a large memory?",
    cases=[
        {"learner": "finetune"},
        {"learner": "finetune", "data.stream": "joint"},
        {"learner": "icarl"},
        {"learner": "elsenet"},
        {"learner": "er"},
        {"learner": "der"},
        {"learner": "derpp"},
        {"learner": "xder"},
        {"learner": "charon"},
    ],
    grid={"learner.buffer_size": [500, 2000]},
    seeds=(0, 1, 2),
    small_clip_visits=46_000,  # fewer, and joint training on the stand-in is not done learning
)

if __name__ == "__main__":
    main(study)
