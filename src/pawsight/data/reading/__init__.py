"""Read every photo once, on all cores: facts into a catalog, pixels into a store."""
