"""The learners: one method a file, and the table of them all."""

from collections.abc import Callable
from typing import Any, NamedTuple

from charon.learners.base import Learner, Setup
from charon.learners.charon import Charon, CharonSettings
from charon.learners.der import Der, DerPlusPlus, DerPlusPlusSettings, DerSettings
from charon.learners.elsenet import ElseNet, ElseNetSettings
from charon.learners.er import Er, ErSettings
from charon.learners.er_ace import ErAce, ErAceSettings
from charon.learners.finetune import Finetune, FinetuneSettings
from charon.learners.icarl import Icarl, IcarlSettings
from charon.learners.lucir import Lucir, LucirSettings
from charon.learners.xder import XDer, XDerSettings
from charon.settings import Settings


class Method(NamedTuple):
    """A learner and the settings it is made from."""

    learner: Callable[[Setup, Any], Learner]
    settings: type[Settings]


LEARNERS: dict[str, Method] = {
    "charon": Method(Charon, CharonSettings),
    "finetune": Method(Finetune, FinetuneSettings),
    "er": Method(Er, ErSettings),
    "er_ace": Method(ErAce, ErAceSettings),
    "der": Method(Der, DerSettings),
    "derpp": Method(DerPlusPlus, DerPlusPlusSettings),
    "xder": Method(XDer, XDerSettings),
    "icarl": Method(Icarl, IcarlSettings),
    "lucir": Method(Lucir, LucirSettings),
    "elsenet": Method(ElseNet, ElseNetSettings),
}
