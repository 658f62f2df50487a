"""Autoencoders: continuous codes, and bounds of the likelihood."""
