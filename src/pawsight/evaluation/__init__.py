"""Evaluate a classifier: predictions, metrics, calibration; needs no TensorFlow."""
