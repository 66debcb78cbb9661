"""Decode the bytes of photos to pixels, in the same way for all formats and all callers."""
