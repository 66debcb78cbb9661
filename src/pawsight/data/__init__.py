"""Fetch, list, decode, check and split photos; needs no TensorFlow."""
