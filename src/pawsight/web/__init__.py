"""The HTTP service for a model, and its web page."""
