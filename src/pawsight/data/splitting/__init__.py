"""Divide photos into parts, keeping together what belongs together."""
