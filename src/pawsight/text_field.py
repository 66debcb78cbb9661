"""The type of names and paths in pydantic models; apart from records, which need no pydantic."""

from __future__ import annotations

from pydantic import InstanceOf

# A name may hold bytes that are not UTF-8, as surrogates, which pydantic's own str refuses.
Text = InstanceOf[str]
