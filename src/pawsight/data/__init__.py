"""From where photos are to a catalog with pixels; needs no TensorFlow."""
