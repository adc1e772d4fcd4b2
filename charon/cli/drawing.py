"""Draw a strip of skeleton poses, with matplotlib."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from charon.cli.strip import Strip, Version
from charon.data import ntu
from charon.files import whole_file
from charon.report.style import BLUE, INK, ORANGE, PURPLE, QUIET, styled

BODIES = (BLUE, ORANGE)
GHOST, PAPER, HIDDEN = "#a3aeb9", "#f5f7f9", "#fdebcd"
HEAD_RADIUS = 0.095  # metres
LAYERS = (1.0, 0.35)  # how strongly each layer of a version is drawn

# Inches.
_WIDTH, _LEFT, _RIGHT = 11.0, 1.62, 0.12
_HEADER, _FOOTER = 0.78, 0.26
_SPACE, _CURVE, _ROW_GAP, _LABEL = 0.06, 0.4, 0.16, 0.19


def draw(strip: Strip, path: Path) -> None:
    """Draw the strip into a .png, .svg or .pdf, wholly or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    with styled():
        figure = _figure(strip)
        with whole_file(path) as file:
            figure.savefig(file, format=path.suffix.lower().removeprefix("."), dpi=160)


def _figure(strip: Strip) -> Figure:
    centre, size = _window(strip.truth[:, strip.present])
    step = (_WIDTH - _LEFT - _RIGHT) / len(strip.moments)
    width = step - _SPACE
    height = float(np.clip(width * size[1] / size[0], 0.9, 2.4))
    # The same metres an inch both ways: the tighter side decides.
    size = np.array([width, height]) * max(size[0] / width, size[1] / height)
    labels = [_LABEL if version.labels else 0.0 for version in strip.versions]
    curves = [0.0 if version.error is None else _CURVE + 0.2 for version in strip.versions]
    heights = [height + sum(parts) + _ROW_GAP for parts in zip(labels, curves, strict=True)]
    total = _HEADER + sum(heights) + _FOOTER
    figure = Figure(figsize=(_WIDTH, total), facecolor="white")
    _write(figure, 0.13, strip.title, 13, INK, "bold")
    _write(figure, 0.4, strip.subtitle, 8.5)
    _write(figure, total - 0.24, strip.note, 7.5)
    top = _HEADER
    for version, label, row_height in zip(strip.versions, labels, heights, strict=True):
        _write(figure, top + 0.04, version.name, 10.5, INK, "bold")
        _write(figure, top + 0.25, "\n".join(version.details), 8)
        for column in range(len(strip.moments)):
            axes = _axes(figure, _LEFT + column * step, top, width, height)
            axes.set(xticks=[], yticks=[], facecolor=PAPER)
            axes.set_xlim(centre[0] - size[0] / 2, centre[0] + size[0] / 2)
            axes.set_ylim(centre[1] - size[1] / 2, centre[1] + size[1] / 2)
            axes.grid(False)
            axes.spines[:].set_visible(False)
            _draw_moment(axes, strip, version, column)
            if version is strip.versions[0] and column == 0:
                _draw_scale(axes, centre, size)
        if version.error is not None:
            below = top + height + label + 0.03
            axes = _axes(figure, _LEFT, below, step * len(strip.moments) - _SPACE, _CURVE)
            _draw_error(axes, strip, version, version.error)
        top += row_height
    return figure


def _write(
    figure: Figure, top: float, text: str, size: float, colour: str = QUIET, weight: str = "normal"
) -> None:
    place = 0.12 / _WIDTH, 1 - top / figure.get_figheight()
    figure.text(*place, text, fontsize=size, va="top", color=colour, fontweight=weight)


def _axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes, placed in inches from the top left."""
    total = figure.get_figheight()
    bottom = total - top - height
    return figure.add_axes((left / _WIDTH, bottom / total, width / _WIDTH, height / total))


def _window(x: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return centre and size of what the bodies cover at all moments, with a margin; metres."""
    flat = x.reshape(-1, x.shape[-1])[:, :2].astype(np.float64)
    low, high = flat.min(axis=0), flat.max(axis=0)
    return (low + high) / 2, np.maximum(high - low, 0.1) + 3 * HEAD_RADIUS


def _draw_moment(axes: Axes, strip: Strip, version: Version, column: int) -> None:
    bodies = np.flatnonzero(strip.present)
    if version.hidden is not None and version.hidden[strip.moments[column], bodies].any():
        axes.set_facecolor(HIDDEN)
    if version.error is not None:
        for body in bodies:
            _draw_body(axes, strip, strip.truth[column, body], GHOST, 1.0, 1.5)
    for layer in reversed(range(len(version.poses))):
        for body in bodies:
            pose = version.poses[layer, column, body]
            _draw_body(axes, strip, pose, BODIES[body], LAYERS[layer], 2.1)
    if version.labels:
        axes.set_xlabel(version.labels[column], fontsize=8, color=QUIET, labelpad=2)


def _draw_body(
    axes: Axes, strip: Strip, pose: NDArray[np.float32], colour: str, alpha: float, width: float
) -> None:
    """Draw one body as seen from the front: x to the right, y up."""
    if not pose.any():
        return
    xy = pose[:, :2]
    lines = LineCollection(
        [xy[list(bone)] for bone in strip.bones],
        colors=colour,
        linewidths=width,
        alpha=alpha,
        capstyle="round",
    )
    axes.add_collection(lines)
    if strip.bones == ntu.BONES:
        head = ntu.JOINT_NAMES.index("head")
        circle = Circle(tuple(xy[head]), HEAD_RADIUS, edgecolor=colour, zorder=2.5)
        circle.set(linewidth=width * 0.85, alpha=alpha, facecolor=axes.get_facecolor())
        axes.add_patch(circle)
        xy = np.delete(xy, head, axis=0)
    axes.scatter(xy[:, 0], xy[:, 1], width * 2.2, colour, alpha=alpha, linewidths=0, zorder=3)


def _draw_scale(axes: Axes, centre: NDArray[np.float64], size: NDArray[np.float64]) -> None:
    """Draw half a metre."""
    left, bottom = centre - size / 2 + 0.04 * size.max()
    axes.plot([left, left + 0.5], [bottom, bottom], color=QUIET, linewidth=1.4)
    axes.text(left, bottom + 0.015 * size[1], "0.5 m", fontsize=6.5, color=QUIET, va="bottom")


def _draw_error(axes: Axes, strip: Strip, version: Version, error: NDArray[np.float64]) -> None:
    """Draw the distance of a joint from its true place, over all frames of the clip."""
    frames = np.arange(strip.num_frames)
    highest = 100 * max(float(error.max()), 1e-4) * 1.3
    if version.hidden is not None:
        bodies = np.flatnonzero(strip.present)
        edges = highest * np.linspace(1, 0, len(bodies) + 1)
        for body, top, bottom in zip(bodies, edges, edges[1:], strict=False):
            where = version.hidden[:, body]
            axes.fill_between(frames, bottom, top, where, step="mid", color=HIDDEN, linewidth=0)
    for moment in strip.moments:
        axes.axvline(moment, color=GHOST, linewidth=0.7, linestyle=(0, (2, 2)))
    axes.plot(frames, 100 * error, color=PURPLE, linewidth=1.2)
    if version.seen is not None:
        axes.plot(version.seen, np.zeros(len(version.seen)), "|", color=QUIET, markersize=4)
    axes.set_ylim(0, highest)
    axes.set_xlim(-0.5, strip.num_frames - 0.5)
    axes.grid(False)
    axes.yaxis.set_major_locator(MaxNLocator(2))
    axes.tick_params(labelsize=6.5, length=2, colors=QUIET, pad=1.5)
    axes.set_ylabel("cm", fontsize=7, color=QUIET, labelpad=2)
