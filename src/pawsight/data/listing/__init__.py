"""List the photos of a source, with the class, part and group of each."""
