"""The model in formats that others run."""
