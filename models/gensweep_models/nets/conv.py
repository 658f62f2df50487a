"""A convolutional generator after DCGAN, arXiv:1511.06434, without BatchNorm."""

from collections.abc import Iterable

from torch import Tensor, nn

from gensweep_models.config import check

STEM = {8: (2, 2), 28: (7, 2), 32: (4, 3), 64: (4, 4)}
"""Image side to (side of the smallest map, doublings)."""


def check_image(shape: tuple[int, ...], sides: Iterable[int] = STEM, otherwise: str = "") -> None:
    """Raise ValueError unless `shape` is that of square images with one of `sides`.

    >>> check_image((1, 28, 20), otherwise="; choose body mlp otherwise")
    Traceback (most recent call last):
    ValueError: `the shape is C x S x S with S in 8, 28, 32, 64; choose body mlp otherwise` must \
hold, but got shape=(1, 28, 20).
    """
    fits = len(shape) == 3 and shape[1] == shape[2] and shape[1] in sides
    known = ", ".join(map(str, sides))
    check(fits, f"the shape is C x S x S with S in {known}{otherwise}", shape=tuple(shape))


class ConvGenerator(nn.Module):
    """z [B, Z] to images [B, *shape] before any squashing."""

    def __init__(self, latent: int, shape: tuple[int, ...], channels: int) -> None:
        super().__init__()
        self.side, doublings = STEM[shape[-1]]
        width = channels << (doublings - 1)
        self.stem = nn.Linear(latent, width * self.side**2)
        body: list[nn.Module] = [nn.ReLU()]
        for step in range(doublings):
            last = step == doublings - 1
            following = shape[0] if last else width // 2
            body.append(nn.ConvTranspose2d(width, following, 4, 2, 1))
            body += [] if last else [nn.ReLU()]
            width = following
        self.body = nn.Sequential(*body)

    def forward(self, z: Tensor) -> Tensor:
        out: Tensor = self.body(self.stem(z).unflatten(1, (-1, self.side, self.side)))
        return out
