"""Noise removed step by step, or along a path."""
