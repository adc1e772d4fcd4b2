"""Which clips the stand-in has: their names, in NTU RGB+D's own form."""

from charon.data.ntu import CAMERAS, LAST_SETUP_OF_60

# Setups and performers of the small stand-in. By NTU's rules for training performers and
# for training setups, each half has people and setups on both sides.
SMALL_PAIRS_60 = ((1, 1), (1, 3), (1, 4), (1, 8), (2, 7), (2, 9), (2, 12), (3, 15))
SMALL_PAIRS_120 = (
    *((18, 41), (18, 42), (18, 45), (19, 47)),
    *((19, 50), (20, 43), (20, 53), (21, 60)),
)


def clip_names(
    pairs: tuple[tuple[int, int], ...], replications: int, num_classes: int
) -> tuple[str, ...]:
    """Return the sorted names of the clips of these (setup, performer) pairs.

    As in NTU RGB+D, setups 1-17 hold A1-A60 and setups 18-32 hold A61-A120. All three
    cameras see every performance.
    """
    names = (
        f"S{setup:03d}C{camera:03d}P{performer:03d}R{replication:03d}A{action:03d}"
        for setup, performer in pairs
        for camera in CAMERAS
        for replication in range(1, replications + 1)
        for action in _actions(setup)
        if action <= num_classes
    )
    return tuple(sorted(names))


def _actions(setup: int) -> range:
    return range(1, 61) if setup <= LAST_SETUP_OF_60 else range(61, 121)


def small_pairs(num_classes: int) -> tuple[tuple[int, int], ...]:
    """Return the (setup, performer) pairs of the small stand-in."""
    return SMALL_PAIRS_60 if num_classes <= 60 else SMALL_PAIRS_60 + SMALL_PAIRS_120
