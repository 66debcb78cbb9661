"""The type of names and paths in pydantic models; not in `records`, which need no pydantic."""

from __future__ import annotations

from pydantic import InstanceOf

# Bytes of a name that are not UTF-8 are surrogates, which pydantic's own str refuses.
Text = InstanceOf[str]
