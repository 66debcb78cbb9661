"""Divide photos into parts, so that copies and the user's groups stay together."""
