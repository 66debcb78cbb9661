"""Evaluate a classifier: predictions, metrics, calibration. Needs no TensorFlow."""
