"""The classifier by the nearest class mean, of features of unit length.

Source: Rebuffi et al., "iCaRL", CVPR 2017, Alg. 1.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def class_means(features: Tensor, label: Tensor, num_classes: int) -> Tensor:
    """Return the mean of each class's features, of unit length; NaN for a class without any.

    ``features`` is (clip, feature), the result (class, feature).
    """
    means = [features[label == k].mean(dim=0) for k in range(num_classes)]
    return torch.stack([F.normalize(mean, dim=0) for mean in means])


def nearness(features: Tensor, means: Tensor, classifier: nn.Module, num_classes: int) -> Tensor:
    """Score clips by their inner product with each class's mean: (clip, class), in [-1, 1].

    Both are of unit length, so the largest is of the nearest mean. Classes without a mean have
    minus infinity; if none has a mean, the classifier's outputs of the classes seen decide.

    Args:
        features: (clip, feature), of any length.
        means: (class seen, feature), see :func:`class_means`.
        classifier: of the network.
        num_classes: of all, seen or not.
    """
    scores = features.new_full((len(features), num_classes), -torch.inf)
    seen = slice(len(means))
    if means.isnan().all():
        with torch.no_grad():
            scores[:, seen] = classifier(features)[:, seen]
    else:
        near = F.normalize(features) @ means.T
        scores[:, seen] = near.nan_to_num(nan=-torch.inf)
    return scores
