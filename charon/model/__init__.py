"""The network: masking, a backbone that encodes and rebuilds a clip, and a classifier."""
