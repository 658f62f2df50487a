"""Networks that several models share."""

from gensweep_models.nets.conv import ConvGenerator
from gensweep_models.nets.critic import ConvCritic, MinibatchDiscrimination, MlpCritic
from gensweep_models.nets.mlp import mlp
from gensweep_models.nets.pixelcnn import PixelCNN
from gensweep_models.nets.residual import ConditionalNorm, ResidualDown, ResidualUp
from gensweep_models.nets.spectral import SpectralConv2d, SpectralLinear
from gensweep_models.nets.transformer import Transformer
from gensweep_models.nets.unet import UNet

__all__ = [
    "ConditionalNorm",
    "ConvCritic",
    "ConvGenerator",
    "MinibatchDiscrimination",
    "MlpCritic",
    "PixelCNN",
    "ResidualDown",
    "ResidualUp",
    "SpectralConv2d",
    "SpectralLinear",
    "Transformer",
    "UNet",
    "mlp",
]
