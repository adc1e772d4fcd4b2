"""The vocabulary of moves in ``standin_moves.txt``, which has a line for each action.

A move is ``limb:pose:timing`` with an optional weight ``*0.5``; moves add up. Limbs: ``r``,
``l``, ``b`` arms (right, left, both), ``rl``, ``ll``, ``bl`` legs, ``t`` trunk, ``h`` head,
``g`` the whole body. Behind ``|`` are the moves of the second person of a two-person action.
The motions resemble the actions' names; they were written for this project and are not taken
from recordings.
"""

from importlib.resources import files

from charon.data.standin.body import Angle

# Arm poses in degrees: raise, out, twist, elbow, wrist (see Angle). They replace the
# hanging arm, which is (8, 50, 10, 18, 5).
HANGING = (8.0, 50.0, 10.0, 18.0, 5.0)
ARM_POSES: dict[str, tuple[float, float, float, float, float]] = {
    "mouth": (50, -5, 25, 135, 10),
    "eyes": (62, 0, 25, 118, 0),
    "ear": (62, 60, -10, 135, 0),
    "top": (120, 45, 10, 105, 20),
    "neck": (110, 75, -30, 145, 0),
    "salute": (90, 70, 20, 130, 0),
    "chest": (30, 25, 60, 105, 0),
    "heart": (35, -5, 70, 125, 0),
    "belly": (15, 30, 65, 80, 0),
    "back": (-40, 40, 90, 85, 0),
    "pocket": (-15, 70, 20, 50, 10),
    "desk": (25, 10, 15, 75, -10),
    "page": (40, 5, 25, 90, -15),
    "front": (88, 0, 0, 8, 0),
    "across": (80, -40, 10, 25, 0),
    "side": (88, 90, 0, 8, 0),
    "wave": (80, 80, -30, 95, 0),
    "up": (130, 45, 0, 20, 0),
    "cock": (95, 95, -60, 100, 0),
    "high": (130, 25, 0, 15, 0),
    "low": (70, 0, 0, 10, 0),
    "shoe": (60, -10, 10, 20, 10),
    "pray": (45, -10, 35, 110, 20),
    "clap": (55, 15, 15, 65, 0),
    "wide": (55, 60, 0, 45, 0),
    "give": (60, 5, 0, 35, 0),
    "hug": (75, 35, 35, 50, 0),
    "guard": (45, 10, 35, 125, 0),
    "behind": (-45, 20, 0, 20, 0),
}

# Shakes of an arm: added to its angles, degrees.
ARM_SHAKES: dict[str, tuple[float, float, float, float, float]] = {
    "flap": (0, 0, 0, 30, 10),
    "swing": (0, 0, 45, 0, 10),
    "sweep": (0, 32, 0, 0, 0),
    "pump": (25, 0, 0, -15, 0),
    "wrist": (0, 0, 15, 10, 35),
}

# Other poses, degrees (metres for the last three of the root): angles that change.
LEG_POSES: dict[str, dict[Angle, float]] = {
    "kick": {Angle.HIP: 75, Angle.KNEE: 12, Angle.ANKLE: -10},
    "knee": {Angle.HIP: 80, Angle.KNEE: 85},
    "cross": {Angle.HIP: 65, Angle.HIP_OUT: 20, Angle.KNEE: 105},
    "heel": {Angle.HIP: -10, Angle.KNEE: 105},
    "aside": {Angle.HIP_OUT: 60, Angle.KNEE: 5},
    "step": {Angle.HIP: 30, Angle.KNEE: 25},
    "stamp": {Angle.HIP: 45, Angle.KNEE: 60},
    "bend": {Angle.HIP: 45, Angle.KNEE: 55, Angle.ANKLE: 15},
    "squat": {Angle.HIP: 100, Angle.KNEE: 115, Angle.ANKLE: 20},
    "sit": {Angle.HIP: 85, Angle.KNEE: 85},
}
BODY_POSES: dict[str, dict[int, float]] = {
    "bow": {Angle.SPINE_FLEX: 40, Angle.LEAN: 15, Angle.HIP: 12, Angle.LEFT_LEG: 12},
    "stoop": {Angle.SPINE_FLEX: 55, Angle.LEAN: 45, Angle.HIP: 45, Angle.LEFT_LEG: 45},
    "hunch": {Angle.SPINE_FLEX: 22, Angle.NOD: 15},
    "backward": {Angle.SPINE_FLEX: -18, Angle.LEAN: -8, Angle.NOD: -10},
    "left": {Angle.SPINE_SIDE: -22},
    "right": {Angle.SPINE_SIDE: 22},
    "twist": {Angle.SPINE_TWIST: 38},
    "untwist": {Angle.SPINE_TWIST: -38},
    "nod": {Angle.NOD: 45},
    "lookup": {Angle.NOD: -40},
    "turn": {Angle.SHAKE: 55},
    "tilt": {Angle.TILT: 30},
    "forward": {Angle.FORWARD: 0.3},
    "away": {Angle.FORWARD: -0.3},
    "aside": {Angle.SIDEWAYS: 0.25},
    "sway": {Angle.SIDEWAYS: 0.22, Angle.TOPPLE: 12},
    "jump": {Angle.HEIGHT: 0.16},
    "hop": {Angle.HEIGHT: 0.14},
    "quarter": {Angle.TURN: 80},
    "around": {Angle.TURN: 165},
    "walk": {Angle.HIP: 30, Angle.KNEE: 25, Angle.LEFT_LEG: -30, Angle.LEFT_LEG + 2: -25},
    "fall": {Angle.LEAN: 22, Angle.KNEE: 60, Angle.LEFT_LEG + 2: 60},
}
METRES = (Angle.SIDEWAYS, Angle.HEIGHT, Angle.FORWARD)

# Timing of a move: kind and default place. `lift` rises, holds and falls; `to` stays;
# `off` starts there and leaves; `hold` is there all the time; `first`, `mid` and `last`
# are short; `both` is twice; `beatN` comes N times; `shakeN` swings N times to both sides.
MOVES: tuple[str, ...] = tuple(
    files("charon.data").joinpath("standin_moves.txt").read_text(encoding="utf-8").splitlines()
)
"""The moves of each class, by label; a line of the file each."""
