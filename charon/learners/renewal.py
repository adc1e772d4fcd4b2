"""The update of stored logits for classes that were not learned yet when they were stored.

Source: Boschini et al., "Class-Incremental Continual Learning into the eXtended DER-verse", TPAMI
2022. Differs: a stored logit is only scaled by a logit above 0, as the rule would turn its sign
otherwise.
"""

import torch
from torch import Tensor

SCALE = 0.85
"""Its largest renewed logit, as a share of that of the clip's own class."""


def renew(old: Tensor, new: Tensor, label: Tensor, outputs: range, scale: float) -> Tensor:
    """Return stored logits with new values for some outputs, scaled down if too large.

    Where the largest new value is above the stored logit z of the clip's own class, all are
    scaled so that it becomes ``scale``·z; clips whose z is not above 0 are left as
    they are. ``old`` and ``new`` are (clip, class), as stored and as the network says now;
    ``outputs`` are those to replace.
    """
    renewed = old.clone()
    if len(outputs) > 0:
        replaced = slice(outputs.start, outputs.stop)
        z = old.gather(1, label[:, None])
        largest = new[:, replaced].amax(dim=1, keepdim=True)
        factor = torch.where(largest > z, scale * z / largest, 1.0)
        renewed[:, replaced] = torch.where(z > 0, new[:, replaced] * factor, old[:, replaced])
    return renewed
