"""From pixels to batches: order, augmentation, pipeline."""
