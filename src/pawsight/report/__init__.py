"""Draw figures and write the pages of a run. Needs no TensorFlow."""
