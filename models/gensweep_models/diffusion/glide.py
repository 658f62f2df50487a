"""GLIDE: a diffusion of images of a text, guided away from what it predicts without the text.

Nichol et al., arXiv:2112.10741. It also fills in images, given the pixels that are known. Without
the paper's upsampler, which `sr3` is like. B batch, C channels, H height, W width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gensweep_models.captions import Captions
from gensweep_models.config import check, fixed, lane, sampling
from gensweep_models.diffusion.ddpm import SAMPLE_STEPS, Ddpm
from gensweep_models.diffusion.guided_diffusion import SCALES
from gensweep_models.diffusion.improved_ddpm import ImprovedDdpmConfig
from gensweep_models.game import DataShape, Nets, Noise, Tensors
from gensweep_models.nets.text_unet import TextUNet
from gensweep_models.nets.transformer import TextEncoder
from gensweep_models.space import Dimension, Real


@dataclass(frozen=True, kw_only=True, slots=True)
class GlideConfig(ImprovedDdpmConfig):
    """Settings of a GLIDE; the paper's, but for sizes, and all of them learned at once.

    The paper tunes a model for dropped texts, and one for inpainting, after training.
    """

    steps: int = fixed(1000, "T", at_least=20)
    guidance_scale: float = sampling(
        0.0, "weight of guidance; 0: the conditional network", neutral=0.0, grid=SCALES, at_least=0
    )
    caption_dropout: float = lane(0.2, "share of examples without a text", at_least=0, below=1)
    inpainting: float = lane(
        0.25, "share of examples of which all but a rectangle is known", at_least=0, below=1
    )
    caption: str = fixed("caption", "column of texts; where there is none, names of classes")
    text_length: int = fixed(64, "bytes of a text that are read, at most", at_least=1)
    text_channels: int = fixed(64, "of the text's transformer", at_least=1)
    text_layers: int = fixed(2, at_least=1)
    text_heads: int = fixed(4, at_least=1)

    def check_relations(self) -> None:
        """Raise ValueError for heads that do not divide the channels, too."""
        ImprovedDdpmConfig.check_relations(self)
        law, c = "text_heads divides text_channels", self.text_channels
        check(c % self.text_heads == 0, law, text_channels=c, text_heads=self.text_heads)


GLIDE_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "guidance_scale": Real(0.0, 4.0),
    "caption_dropout": Real(0.05, 0.5),
    "inpainting": Real(0.05, 0.5),
    "bound_weight": Real(1e-4, 1e-2, log=True),
    "sample_steps": SAMPLE_STEPS,
}


class Glide(Ddpm):
    """A denoiser that is told a text, and the pixels of an image that are known, if any."""

    def __init__(self, config: GlideConfig, data: DataShape) -> None:
        shape = tuple(data.shape)
        check(len(shape) == 3, "the data are images; choose guided_diffusion", shape=shape)
        self.captions = Captions(data, config.caption, config.text_length)
        self.given = self.captions.given
        super().__init__(config, data)

    def network(self) -> nn.Module:
        """A U-Net that reads the text and sees noisy pixels, the known ones and where they are."""
        c, text, channels = self.config, self.captions, self.shape[0]
        reader = TextEncoder(text.codes, text.length, c.text_channels, c.text_layers, c.text_heads)
        outputs = channels * (2 if c.variance == "learned" else 1)
        return TextUNet(self.shape, c.channels, reader, inputs=2 * channels + 1, outputs=outputs)

    def corruption(self, batch: int) -> dict[str, Noise]:
        """Noise and times, which texts are dropped, and which pixels are known."""
        one, two, four = (Noise((batch, *of), "uniform") for of in ((), (), (4,)))
        return super().corruption(batch) | {"dropped": one, "inpainted": two, "corners": four}

    def told(self, batch: Tensors, noise: Tensors, hyper: Tensors) -> dict[str, Tensor]:
        """Texts, some of them empty; known pixels of some examples, none of the others."""
        text = self.captions.without(batch, noise["dropped"] < hyper["caption_dropout"])
        some = (noise["inpainted"] < hyper["inpainting"])[:, None, None, None]
        mask = some * (1 - rectangles(noise["corners"], self.shape[1:]))
        return text | {"known": batch["x"] * mask, "mask": mask}

    def called(self, nets: Nets, x: Tensor, time: Tensor, told: Tensors) -> Tensor:
        """The network's output, with a text and with what is known."""
        known, mask = told.get("known", torch.zeros_like(x)), told.get("mask")
        mask = torch.zeros_like(x[:, :1]) if mask is None else mask
        out: Tensor = nets["denoiser"](
            torch.cat([x, known, mask], 1), time, self.captions.tokens(told)
        )
        return out

    def denoised(
        self, nets: Nets, x: Tensor, t: Tensor, hyper: Tensors, told: Tensors
    ) -> tuple[Tensor, Tensor | None]:
        """x0 away from that without the text (section 2.3), known pixels as they are.

        The paper's scale is one more: 1 is the conditional network there.
        """
        x0, between = self.predict(nets, x, t, told)
        free, _ = self.predict(nets, x, t, {**told, **self.captions.empty(told)})
        x0 = self.clipped(x0 + hyper["guidance_scale"] * (x0 - free))
        if "known" in told:
            x0 = torch.where(told["mask"] > 0, told["known"], x0)
        return x0, between

    def inpaint_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `inpaint`, as of samples."""
        return self.sample_noise(batch)

    def inpaint(
        self, nets: Nets, x: Tensor, mask: Tensor, noise: Tensors, hyper: Tensors, told: Tensors
    ) -> Tensor:
        """Images [B, C, H, W] of a text, with the pixels of x where the mask [B, 1, H, W] is 1."""
        seen = {**told, "known": x * mask, "mask": mask}
        return torch.where(mask > 0, x, self.sample(nets, noise, hyper, seen))


def rectangles(corners: Tensor, sides: tuple[int, ...]) -> Tensor:
    """Masks [B, 1, H, W], 1 in a rectangle between two corners [B, 4], uniform in [0, 1)."""
    ends = zip(corners.chunk(2, 1), sides, strict=True)
    rows, columns = (_between(two, side) for two, side in ends)
    return (rows[:, None, :, None] * columns[:, None, None, :]).to(corners.dtype)


def _between(two: Tensor, side: int) -> Tensor:
    """Places [B, side] from the lower of two [B, 2] to the higher one, both included."""
    places = torch.arange(side, device=two.device)
    ends = (two * side).long()
    low, high = ends.amin(1, keepdim=True), ends.amax(1, keepdim=True)
    return (places >= low) & (places <= high)
