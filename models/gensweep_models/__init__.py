"""Generative models as differentiable games. Needs torch alone."""
