"""pawsight: folders of labelled photos in, a classifier you can trust out."""

__version__ = "0.1.0"
