"""Shared infrastructure: atomic files and folders, cache, locks, downloads, threads, disk space."""
