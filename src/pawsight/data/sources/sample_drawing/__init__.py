"""Draw the animals and backgrounds of the built-in sample."""
