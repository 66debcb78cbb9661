"""Find the photos of a source, and the class, part and group of each."""
