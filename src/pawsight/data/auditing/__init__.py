"""Find what looks wrong in a set of photos."""
