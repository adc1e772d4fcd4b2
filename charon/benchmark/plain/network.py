"""The network as METHOD writes it: contiguous (row, channel, tuple, token), no tricks.

It shares the names of its weights with the fast network, and nothing else. It is plain, not
slow: in float32 the fast network is timed against it.
"""

import math

import torch
from torch.nn import functional as F


def code(num_channels, num_positions):
    """The positional code, one number at a time, rounded as the network stores it."""
    table = torch.empty(num_channels, num_positions)
    for channel in range(num_channels):
        frequency = math.exp(-2 * (channel // 2) * math.log(10000.0) / num_channels)
        wave = math.cos if channel % 2 else math.sin
        for position in range(num_positions):
            table[channel, position] = wave(position * frequency)
    return table


def leaky(x):
    return F.leaky_relu(x, 0.1)


class PlainNetwork:
    """Takes copies of a fast network's weights that need gradients, float64 unless told."""

    def __init__(self, network, *, training, time_encoding=False, dtype=torch.float64):
        kinds = ("running_mean", "running_var")
        self.weights = {
            name: tensor.detach().to(dtype, copy=True).requires_grad_(not name.endswith(kinds))
            for name, tensor in network.state_dict().items()
            if not name.endswith("num_batches_tracked")
        }
        self.dtype = dtype
        self.training = training
        self.time_encoding = time_encoding
        self.codes = {}
        self.attention_kind = network.encoder.blocks[0].mix.kind
        self.per_tuple = network.frames_per_tuple
        self.num_tuples = network.num_tuples
        self.num_blocks = len(network.encoder.blocks)
        self.num_decoder_blocks = len(network.decoder.blocks) if network.decoder else 0

    def conv(self, name, x):
        """A convolution of odd kernel and equal size."""
        # The network keeps tokens before tuples, so its kernels are (token, tuple).
        weight = self.weights[f"{name}.weight"].transpose(2, 3).contiguous()
        padding = (weight.shape[2] // 2, weight.shape[3] // 2)
        return F.conv2d(x, weight, self.weights[f"{name}.bias"], padding=padding)

    def norm(self, name, x):
        """Batch norm; training moves the running statistics by a tenth."""
        kinds = ("running_mean", "running_var", "weight", "bias")
        of = (self.weights[f"{name}.{kind}"] for kind in kinds)
        return F.batch_norm(x, *of, training=self.training, momentum=0.1, eps=1e-5)

    def mix(self, name, x):
        query_key = self.conv(f"{name}.to_query_key", x)
        channels, num_tuples = query_key.shape[1:3]
        scale, offset = self.weights[f"{name}.scale"], self.weights[f"{name}.offset"]
        count = scale.shape[1]
        depth = channels // (2 * count)
        heads = []
        for head in range(count):
            query = query_key[:, head * depth : (head + 1) * depth]
            key = query_key[:, (count + head) * depth : (count + head + 1) * depth]
            scores = torch.einsum("ndtu,ndtv->nuv", query, key) / (depth * num_tuples)
            if self.attention_kind == "tanh":
                maps = scores.tanh() * scale[0, head] + offset[0, head]
            else:
                maps = (scores * scale[0, head] + offset[0, head]).softmax(dim=2)
            heads.append(torch.einsum("nctu,nuv->nctv", x, maps))
        return torch.cat(heads, dim=1)

    def block(self, name, x):
        widens = f"{name}.within_skip.0.weight" in self.weights
        res = x
        if widens:
            res = self.norm(f"{name}.within_skip.1", self.conv(f"{name}.within_skip.0", x))
        z = self.conv(f"{name}.project", self.mix(f"{name}.mix", x))
        z = leaky(self.norm(f"{name}.project_norm", z) + res)
        z = leaky(self.norm(f"{name}.feed_norm", self.conv(f"{name}.feed", z)) + res)
        last = z
        if widens:
            last = self.norm(f"{name}.across_skip.1", self.conv(f"{name}.across_skip.0", z))
        return leaky(self.norm(f"{name}.across_norm", self.conv(f"{name}.across", z)) + last)

    def encoded(self, z):
        """Add the code of the tokens, and of the tuples if so asked."""
        encoded = z + self.code(z, z.shape[3])[None, :, None, :]
        if self.time_encoding:
            encoded = encoded + self.code(z, self.num_tuples)[None, :, : z.shape[2], None]
        return encoded

    def code(self, z, num_positions):
        shape = (z.shape[1], num_positions)
        if shape not in self.codes:
            self.codes[shape] = code(*shape).to(z)
        return self.codes[shape]

    def encode(self, x, kept=None):
        """(row, channel, frame, joint) to (row, feature, kept tuple, token)."""
        if kept is not None and kept.position == "pre":
            x = torch.stack([row[:, frames] for row, frames in zip(x, kept.index, strict=True)])
        rows, channels, frames, joints = x.shape
        z = x.reshape(rows, channels, frames // self.per_tuple, self.per_tuple * joints)
        z = self.norm("encoder.input_norm", self.conv("encoder.input_map", z))
        z = self.encoded(leaky(z))
        if kept is not None and kept.position == "post":
            z = torch.stack([row[:, tuples] for row, tuples in zip(z, kept.index, strict=True)])
        for number in range(self.num_blocks):
            z = self.block(f"encoder.blocks.{number}", z)
        return z

    def decode(self, latent, kept=None):
        """(row, feature, kept tuple, token) to (row, channel, frame, joint)."""
        rows, channels, tuples, tokens = latent.shape
        joints = tokens // self.per_tuple
        if kept is not None:
            units, unit = (tuples, self.per_tuple)
            if kept.position == "pre":
                units, unit = tuples * self.per_tuple, 1
            num_units = self.num_tuples * self.per_tuple // unit
            parts = latent.reshape(rows, channels, units, unit * joints)
            mask = self.weights["decoder.mask"][:, None, None]
            whole = mask.expand(channels, num_units, unit * joints).repeat(rows, 1, 1, 1)
            for row in range(rows):
                whole[row, :, kept.index[row]] = parts[row]
            latent = whole
        z = self.encoded(latent.reshape(rows, channels, self.num_tuples, tokens))
        for number in range(self.num_decoder_blocks):
            z = self.block(f"decoder.blocks.{number}", z)
        z = self.conv("decoder.output_map", z)
        return z.reshape(rows, z.shape[1], -1, joints)

    def __call__(self, x, present, kept=None, *, rebuilds=True):
        """Return the logits and the rebuilt clips (None without a decoder)."""
        x = x.to(self.dtype)
        num_clips, *_, num_bodies = x.shape
        second = [n for n in range(num_clips) if num_bodies == 2 and present[n, 1]]
        rows = torch.cat([x[..., 0], x[second][..., -1]]) if second else x[..., 0]
        latent = self.encode(rows, kept)

        def bodies_of_clips(values, absent):
            later = dict(zip(second, values[num_clips:], strict=True))
            both = [(values[clip], later.get(clip, absent)) for clip in range(num_clips)]
            return [bodies[:num_bodies] for bodies in both]

        pooled = bodies_of_clips(latent.mean(dim=(2, 3)), self.weights.get("absent"))
        features = [sum(bodies) for bodies in pooled]
        weight, bias = self.weights["classifier.weight"], self.weights["classifier.bias"]
        logits = torch.stack(features) @ weight.T + bias
        if not self.num_decoder_blocks or not rebuilds:
            return logits, None
        decoded = self.decode(latent, kept)
        clips = bodies_of_clips(decoded, torch.zeros_like(decoded[0]))
        return logits, torch.stack([torch.stack(bodies, dim=-1) for bodies in clips])
