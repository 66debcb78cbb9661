"""Figures and the report page; needs no TensorFlow."""
