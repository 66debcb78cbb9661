"""Sort photos into a folder per class: plan, journal, place, settle, undo."""
