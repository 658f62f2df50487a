"""Small networks."""

from gensweep_models.nets.conv import ConvCritic, ConvGenerator
from gensweep_models.nets.mlp import mlp
from gensweep_models.nets.pixelcnn import PixelCNN
from gensweep_models.nets.spectral import SpectralConv2d, SpectralLinear

__all__ = ["ConvCritic", "ConvGenerator", "PixelCNN", "SpectralConv2d", "SpectralLinear", "mlp"]
