"""Plain web servers."""
from pawsight.pictures.sources.cloud.place import Place
SCHEMES = ("http", "https")
