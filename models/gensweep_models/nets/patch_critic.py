"""A critic of overlapping patches: one score for each (Isola et al., arXiv:1611.07004, 6.1.2)."""

from torch import Tensor, nn


def halvings_of(side: int) -> int:
    """Return the strided layers for images of a side, which leave some patches across."""
    return 1 + (side >= 16) + (side >= 64)


class PatchCritic(nn.Module):
    """Images [B, *shape] to scores [B, 1, H', W'] of patches, with batch normalisation."""

    def __init__(self, shape: tuple[int, ...], channels: int) -> None:
        super().__init__()
        strided = halvings_of(min(shape[1:]))
        body: list[nn.Module] = [nn.Conv2d(shape[0], channels, 4, 2, 1), nn.LeakyReLU(0.2)]
        width = channels
        for layer in range(1, strided + 1):
            stride, wider = 2 if layer < strided else 1, channels << min(layer, 3)
            # batch normalisation takes a bias away
            body += [nn.Conv2d(width, wider, 4, stride, 1, bias=False), nn.BatchNorm2d(wider)]
            body.append(nn.LeakyReLU(0.2))
            width = wider
        self.body = nn.Sequential(*body, nn.Conv2d(width, 1, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.body(x)
        return scores
