"""Sort photos into a folder for each class: plan, write the journal, place photos, undo."""
