"""Bytes to pixels: every format, every damage, in one way everywhere."""
