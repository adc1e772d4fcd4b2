"""Fast ways of what the network computes, equal to the plain ones but for rounding.

The network takes them from here. What each earns on two CPU cores, forward and backward
(``analysis/throughput.md`` has the measurements):

======================== ===============================================================
conv2d                   1x1 as a product of matrices in small layers: a step of the
                         small scale 20.4 -> 19.1 ms
convolve                 no bias gradient by oneDNN: a wide block 1031 -> 748 ms
convolve_and_normalise   the same, and a single convolution in evaluation
key_query_products       with kept tuples in channels-last memory, a step 10.8 -> 8.9 s
mix_and_convolve         Winograd's products in wide layers: a step 8.0-8.5 -> 6.6-7.1 s
======================== ===============================================================
"""

from charon.model.kernels.attention import key_query_products, mix_and_convolve, mix_tokens
from charon.model.kernels.convolution import (
    conv2d,
    convolve,
    convolve_and_normalise,
    normalise,
)

__all__ = [
    "conv2d",
    "convolve",
    "convolve_and_normalise",
    "key_query_products",
    "mix_and_convolve",
    "mix_tokens",
    "normalise",
]
