"""What a classifier is worth: predictions, metrics, calibration; needs no TensorFlow."""
