"""Find the photos of a source and say which class, part and group each belongs to."""
