"""The backbone: a tuple-attention encoder, masking, and a decoder that rebuilds the clip."""
