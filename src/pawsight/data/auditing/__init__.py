"""Find problems in a set of photos."""
