"""A picture of held-out examples' codes in a plane, by class. N examples, Z numbers of a code."""

import torch
from torch import Tensor

from gensweep.evaluation._example_pictures import call
from gensweep.evaluation._frame import SIDE, Frame
from gensweep.evaluation._pictured_lane import PicturedLane, Sheet, own_game
from gensweep.known_pictures import latents

COLOURS = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (213, 94, 0), (204, 121, 167),
    (86, 180, 233), (120, 94, 40), (90, 90, 90), (150, 190, 30), (110, 60, 160),
)  # fmt: skip
"""Of classes in their order; more classes begin again."""


def scatter(lane: PicturedLane) -> Sheet:
    """Dots at codes [N, 2], or at their two principal components, each class's number at its mean.

    Codes that are not finite are left out. As in arXiv:1511.05644, figure 2.
    """
    size = max(one.shape[-1] for one in latents(own_game(lane.pack)).values())
    codes = call(lane, "encode", lane.examples["x"]).flatten(1)[:, :size]
    labels = lane.examples.get("y", torch.zeros(len(codes), dtype=torch.int64))
    finite, detail = codes.isfinite().all(1), ""
    codes, labels = codes[finite], labels[finite]
    if size != 2:
        codes, share = principal_plane(codes)
        detail = f"{share:.0%} of the codes' variance"
    return Sheet(_drawn(codes, labels, "y" in lane.examples)[None], 1, detail)


def principal_plane(codes: Tensor) -> tuple[Tensor, float]:
    """Project codes [N, Z] on their first two principal components: [N, 2], and the share kept."""
    centred = (codes - codes.mean(0)).double()
    _, sizes, ways = torch.linalg.svd(centred, full_matrices=False)
    plane = torch.nn.functional.pad(centred @ ways[:2].mT, (0, 2 - len(ways[:2])))
    variance = sizes.square()
    return plane.float(), float(variance[:2].sum() / variance.sum().clamp(min=1e-30))


def _drawn(codes: Tensor, labels: Tensor, named: bool) -> Tensor:
    """Draw codes [N, 2] as an image [3, SIDE, SIDE] in [-1, 1]."""
    import numpy as np
    from PIL import Image, ImageDraw

    place = Frame.around(codes).place
    picture = Image.new("RGB", (SIDE, SIDE), "white")
    draw = ImageDraw.Draw(picture)
    for (x, y), label in zip(place(codes).tolist(), labels.tolist(), strict=True):
        draw.rectangle((x - 1, y - 1, x + 1, y + 1), COLOURS[label % len(COLOURS)])
    for label in sorted(set(labels.tolist())) if named else []:
        x, y = place(codes[labels == label].mean(0)).tolist()
        draw.text((x, y), str(label), "black", anchor="mm", stroke_width=2, stroke_fill="white")
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1) / 127.5 - 1
