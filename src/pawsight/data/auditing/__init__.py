"""Find problems in a set of photos: broken and unusual photos, copies, shortcuts."""
