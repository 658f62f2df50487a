"""Codes of a codebook, and priors over them."""
