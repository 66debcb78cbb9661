"""The pens and brushes behind the built-in sample."""
