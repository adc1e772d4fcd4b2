"""How much of a difference is the class order's?

Question   FAA of DER++ and CHARON in the paper's class order, the released one, and five random.
Paper      CHARON (ICPR 2024), Sec. 6: a single order.
Orders     ``auto`` is the paper's for NTU RGB+D, that of the labels for other data, which have
           no released one.
Cost       see --dry-run, which measures a few steps on this machine.
Run        python studies/class_orders.py
Read       python -m charon.report.summary --results results/class_orders
"""

from charon.tuning import Study, main

study = Study(
    name="class_orders",
    question="How much of a difference is the class order's?",
    cases=[{"learner": "derpp"}, {"learner": "charon"}],
    grid={
        "data.class_order": [
            *("auto", "released"),
            *("shuffled(0)", "shuffled(1)", "shuffled(2)", "shuffled(3)", "shuffled(4)"),
        ],
    },
    seeds=(0, 1, 2),
)

if __name__ == "__main__":
    main(study)
