"""Find copies of photos: files with equal bytes, and files that show the same picture."""
