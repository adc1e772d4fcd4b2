"""ST-GCN++ as it is described: contiguous (row, channel, frame, joint), a sum at a time."""

import torch
from torch.nn import functional as F

from charon.benchmark.plain.network import code


class PlainStGcn:
    """Takes copies of a network's weights that need gradients, in float64."""

    def __init__(self, network, bones, *, training):
        kinds = ("running_mean", "running_var")
        self.weights = {
            name: tensor.detach().to(torch.float64, copy=True)
            for name, tensor in network.state_dict().items()
            if not name.endswith("num_batches_tracked")
        }
        for name, tensor in self.weights.items():
            tensor.requires_grad_(not name.endswith(kinds))
        self.training = training
        self.bones = bones
        self.num_blocks = len(network.encoder.blocks)
        self.num_decoder_blocks = len(network.decoder.blocks)

    def norm(self, name, x):
        kinds = ("running_mean", "running_var", "weight", "bias")
        of = (self.weights[f"{name}.{kind}"] for kind in kinds)
        return F.batch_norm(x, *of, training=self.training, momentum=0.1, eps=1e-5)

    def pointwise(self, name, x):
        weight = self.weights[f"{name}.weight"][:, :, 0, 0]
        bias = self.weights[f"{name}.bias"][None, :, None, None]
        return torch.einsum("oc,nctv->notv", weight, x) + bias

    def over_frames(self, name, x, apart):
        """Three frames, so far apart; what lies outside of the clip is 0."""
        weight, frames = self.weights[f"{name}.weight"][:, :, 0], x.shape[2]
        out = []
        for frame in range(frames):
            total = self.weights[f"{name}.bias"][None, :, None]
            for tap in range(3):
                near = frame + (tap - 1) * apart
                if 0 <= near < frames:
                    total = total + torch.einsum("oc,ncv->nov", weight[:, :, tap], x[:, :, near])
            out.append(total.expand(len(x), -1, x.shape[3]))
        return torch.stack(out, dim=2)

    def over_joints(self, name, x):
        """What each joint takes by each map: of itself, its parent, the mean of its children."""
        added, joints = self.weights[f"{name}.graph.added"], x.shape[3]
        taken = []
        for kind in range(3):
            by_joint = []
            for joint in range(joints):
                if kind == 0:
                    near = [joint]
                elif kind == 1:
                    near = [parent for parent, child in self.bones if child == joint]
                else:
                    near = [child for parent, child in self.bones if parent == joint]
                total = sum(added[kind, joint, other] * x[..., other] for other in range(joints))
                for other in near:
                    share = torch.tensor(1 / len(near)).item()  # as the network stores it
                    total = total + share * x[..., other]
                by_joint.append(total)
            taken.append(torch.stack(by_joint, dim=3))
        return torch.cat(taken, dim=1)

    def skip(self, name, x):
        if f"{name}.0.weight" not in self.weights:
            return x
        return self.norm(f"{name}.1", self.pointwise(f"{name}.0", x))

    def branches(self, name, x):
        reduced = self.norm(f"{name}.reduce_norm", self.pointwise(f"{name}.reduce", x))
        reduced, done, first = F.relu(reduced), [], 0
        for number in range(4):
            width = len(self.weights[f"{name}.convs.{number}.weight"])
            part = reduced[:, first : first + width]
            done.append(self.over_frames(f"{name}.convs.{number}", part, apart=number + 1))
            first += width
        last, frames = reduced[:, first:], x.shape[2]
        largest = [last[:, :, max(0, frame - 1) : frame + 2].amax(dim=2) for frame in range(frames)]
        done += [torch.stack(largest, dim=2), self.pointwise(f"{name}.alone", x)]
        z = F.relu(self.norm(f"{name}.joined_norm", torch.cat(done, dim=1)))
        return self.norm(f"{name}.fuse_norm", self.pointwise(f"{name}.fuse", z))

    def block(self, name, x, skips=True):
        z = self.norm(
            f"{name}.project_norm", self.pointwise(f"{name}.project", self.over_joints(name, x))
        )
        z = F.relu(z + self.skip(f"{name}.project_skip", x))
        z = self.branches(f"{name}.branches", z)
        return F.relu(z + self.skip(f"{name}.skip", x) if skips else z)

    def encode(self, x, kept=None):
        """(row, channel, frame, joint) to (row, feature, kept frame, joint)."""
        if kept is not None:
            x = torch.stack([row[:, frames] for row, frames in zip(x, kept.index, strict=True)])
        rows, channels, frames, joints = x.shape
        each = torch.stack([x[:, c, :, v] for c in range(channels) for v in range(joints)], dim=1)
        each = self.norm("encoder.input_norm", each[..., None])[..., 0]
        z = each.reshape(rows, channels, joints, frames).transpose(2, 3)
        for number in range(self.num_blocks):
            z = self.block(f"encoder.blocks.{number}", z, skips=number > 0)
        return z

    def decode(self, latent, kept, num_frames):
        """(row, feature, kept frame, joint) to (row, channel, frame, joint)."""
        z, (rows, channels, _, joints) = latent, latent.shape
        if kept is not None:
            mask = self.weights["decoder.mask"][:, None, None]
            z = mask.expand(channels, num_frames, joints).repeat(rows, 1, 1, 1)
            for row in range(rows):
                z[row, :, kept.index[row]] = latent[row]
        z = z + code(channels, joints).to(z)[None, :, None, :]
        for number in range(self.num_decoder_blocks):
            z = self.block(f"decoder.blocks.{number}", z)
        return self.pointwise("decoder.output_map", z)
