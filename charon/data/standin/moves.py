"""The words for what the stand-in's people do, and one line of them for each action.

A move is ``limb:pose:timing`` with an optional weight ``*0.5``; moves add up. Limbs: ``r``,
``l``, ``b`` arms (right, left, both), ``rl``, ``ll``, ``bl`` legs, ``t`` trunk, ``h`` head,
``g`` the whole body. What stands behind ``|`` is done by the second person of a two-person
action. The motions resemble what the actions' names say; they were written for this project
and are not taken from recordings.
"""

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
    """
r:mouth:lift*1.1 h:lookup:lift t:backward:mid
r:mouth:beat3 l:page:hold*0.7 h:nod:beat3*0.4
r:mouth:hold r:sweep:shake8*0.7 l:belly:lift
r:top:lift r:sweep:shake3 h:tilt:lift
r:front:off h:nod:last
r:low:mid t:stoop:mid bl:bend:mid
r:cock:first r:high:last t:twist:last
bl:sit:to t:bow:mid
bl:sit:off t:bow:mid
b:clap:lift b:sweep:shake5*0.8
b:page:hold*0.85 h:nod:hold
r:desk:hold r:wrist:shake7 h:nod:hold*0.7 t:hunch:hold
b:chest:lift b:wide:both
l:back:first*1.3 r:back:last*1.3 b:wide:mid t:twist:mid
r:back:first l:back:last b:chest:mid t:untwist:mid*0.6
t:stoop:lift b:shoe:lift rl:knee:lift
t:stoop:lift l:shoe:lift ll:cross:lift
b:eyes:to*0.75 h:nod:mid*0.5
b:eyes:off*0.75 h:nod:mid*-0.5
r:top:to h:nod:mid
r:top:off r:front:last*0.6
b:up:beat2 h:lookup:lift
r:wave:lift r:swing:shake5
rl:kick:mid t:backward:mid
r:pocket:lift t:right:lift h:nod:lift
ll:knee:hold g:hop:beat4
bl:squat:first g:jump:mid b:up:mid
r:ear:to h:tilt:to
b:page:hold*0.8 h:nod:hold r:wrist:shake6*0.6
b:desk:hold b:pump:shake9*0.5
r:front:lift
r:high:lift t:right:mid h:turn:lift*0.5
l:chest:lift h:nod:lift
b:pray:lift b:wrist:shake7
h:nod:both t:bow:both
h:turn:shake4
r:eyes:lift r:sweep:shake5*0.7
r:salute:lift
b:pray:to t:bow:last*0.6
r:across:lift l:across:lift
r:mouth:mid t:bow:both*0.7 h:nod:both*0.5
g:sway:shake2 g:aside:to t:left:shake3
g:fall:to b:front:mid
b:ear:to*0.75 h:nod:to t:hunch:to
r:heart:to t:bow:to*0.6
r:back:to t:backward:to
r:neck:to*0.85 h:tilt:shake2
b:belly:to t:stoop:both*0.7
r:guard:hold r:flap:shake8
r:guard:first r:front:last t:twist:last|t:backward:last b:guard:last
rl:kick:last t:backward:last|g:away:last*0.5 t:bow:last b:belly:last
b:guard:first b:front:last bl:step:last g:forward:to*0.4|g:away:to*0.8 t:backward:last
r:across:beat3 t:right:lift t:hunch:lift|g:quarter:hold h:turn:last
r:front:to|h:turn:to t:backward:to*0.5
b:hug:lift g:forward:lift*0.5 t:bow:lift*0.3|b:hug:lift g:forward:lift*0.3 h:tilt:lift
r:give:first l:give:first|r:give:last l:give:last
r:pocket:lift r:low:mid t:hunch:lift|g:quarter:hold r:pocket:last
r:give:lift r:pump:shake4|r:give:lift r:pump:shake4
g:forward:to g:walk:shake4|g:forward:to g:walk:shake4
g:away:to*1.2 g:quarter:to*0.6 g:walk:shake4|g:away:to g:quarter:to*0.6 g:walk:shake4
b:ear:to b:wide:first
b:ear:off b:wide:last
b:eyes:first b:high:last g:hop:last
r:desk:hold r:pump:shake5*1.6 t:hunch:hold
r:cock:first r:across:last t:twist:last t:untwist:first
b:page:lift r:pump:shake4 l:pump:shake4*-1
r:mouth:lift*0.9 h:nod:lift*0.4 l:pocket:lift
r:ear:mid h:turn:both t:untwist:mid
r:front:lift*0.8 r:flap:mid
r:give:lift r:swing:lift*1.5
r:wave:lift*0.9 l:belly:hold
r:salute:to l:pocket:to
b:desk:lift b:flap:beat2
l:desk:hold r:page:beat5 h:nod:hold
b:heart:hold r:wrist:shake4 t:hunch:hold
l:page:hold r:page:lift r:flap:shake5
r:wave:hold r:flap:beat4
l:chest:lift r:belly:lift r:swing:beat3
r:mouth:both t:bow:lift*0.6
bl:squat:lift b:front:lift
r:desk:first r:high:mid h:lookup:mid
b:desk:lift b:sweep:beat3
b:chest:lift b:swing:shake6
b:page:lift*0.9 r:swing:shake4 l:swing:shake4*-1
b:eyes:lift r:sweep:shake4 l:sweep:shake4*-1
l:chest:hold r:chest:lift r:pump:shake6
r:back:lift*0.6 r:ear:mid t:right:lift
r:ear:first r:pocket:last t:left:lift
l:belly:hold r:desk:both t:bow:lift*0.5
l:belly:hold r:desk:both*1.2 r:high:last t:bow:first
b:desk:first b:wide:last t:bow:first
b:low:lift t:bow:lift g:forward:to*0.5
r:guard:lift*1.1 r:pump:shake5
r:front:first r:up:last h:lookup:last
b:up:to
b:heart:lift t:backward:lift*0.5
b:side:hold b:pump:shake4*1.5 b:sweep:shake4
b:front:beat4 b:behind:shake4*0.5
rl:knee:shake6 ll:knee:shake6*-1 bl:knee:hold*0.3 b:desk:hold
rl:heel:beat3 ll:heel:both b:pocket:hold
t:stoop:both b:shoe:first r:across:last t:twist:shake2
rl:aside:mid t:left:mid b:guard:hold
r:mouth:lift h:lookup:lift t:backward:lift
b:up:lift t:backward:lift t:left:shake1
b:mouth:lift h:nod:both t:hunch:both
r:up:first r:low:last t:bow:last|b:top:last t:bow:last
r:guard:hold r:front:beat3*0.7 g:forward:to*0.3|b:front:hold*0.6 g:away:to*0.6
g:forward:last*0.7 t:twist:last b:guard:hold|g:sway:last g:away:last t:right:last
r:front:mid g:forward:mid*0.3 t:twist:last|r:pocket:first t:twist:mid
b:front:to r:pump:both|b:up:to
rl:stamp:both t:right:both*0.5|ll:heel:last t:bow:last
r:high:mid|r:high:mid
r:give:first r:mouth:last|r:give:first r:mouth:last
b:low:hold g:aside:to t:bow:hold*0.4|b:low:hold g:aside:to*-1 t:bow:hold*0.4
b:eyes:lift t:right:mid|r:wave:lift
g:forward:to g:walk:shake4|g:around:hold g:forward:to g:walk:shake4
r:mouth:lift t:bow:lift*0.5 t:right:lift|h:tilt:lift g:quarter:hold
r:give:first l:give:last|l:give:first r:give:last
r:side:hold t:right:lift l:belly:hold|l:up:hold t:left:hold bl:bend:hold*0.4
r:desk:beat3 r:give:last|r:desk:beat3 r:give:last
""".strip().splitlines()
)
