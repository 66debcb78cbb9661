"""Read every photo once, with all cores: facts into a catalog, pixels into a store."""
