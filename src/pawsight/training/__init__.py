"""The training loop, linear heads, fine-tuning and checkpoints."""
