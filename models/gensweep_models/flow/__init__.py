"""Invertible networks, whose likelihood is exact."""
