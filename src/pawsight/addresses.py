"""Addresses without the secrets in them: what may be written, logged and printed.

A password, a token or the signature of a presigned link is used to fetch
photos and kept nowhere: run folders are zipped and shared, and logs are copied.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit, urlunsplit

HIDDEN = "***"

_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE)
_LOGIN = re.compile(r"(?<![^\s/'\"(])[^\s/:@'\"(<>]+:[^\s/@'\"<>]+@(?=[\w\[])")  # of a mistyped one
_QUERY = re.compile(r"\?([\w.%-]+=[^\s'\"<>]*)")
_SECRET = re.compile(
    r"auth|code|cred|expires|jwt|key|pass|policy|^pw$|pwd|^sas$|secret|session|sig|token|user"
    r"|^se$|^sp$|^sv$"
    # When a link was signed: a newly signed one is the same address.
    r"|^x-(amz|goog)-date$|^st$|^sk[et]$",
    re.IGNORECASE,
)
_PATH_PARAMETER = re.compile(r";([^;/=]+=[^;/]*)")
_MAX_VALUE = 24  # of a query; what is longer is a key or a signature, whatever its name
_WEB_SCHEMES = ("http://", "https://")  # a "#" ends the path; elsewhere it is of a name
_LOGIN_SCHEMES = ("sftp", "ssh")  # their user names are needed to connect again


def public_address(address: str) -> str:
    """Return an address without user info, signatures and tokens; other text as it is."""
    if "://" not in address:
        return address
    is_web = address.lower().startswith(_WEB_SCHEMES)
    try:
        parts = urlsplit(address, allow_fragments=is_web)
        _ = parts.port  # not a number where a "/" of a password ends the host too early
    except ValueError:
        return address.partition("://")[0] + f"://{HIDDEN}"
    if parts.path.startswith("#"):  # of a password, and ended the host too early
        return f"{parts.scheme}://{HIDDEN}"
    user, at, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0] if parts.scheme in _LOGIN_SCHEMES else HIDDEN
    netloc = f"{name}@{host}" if at else host
    path = _PATH_PARAMETER.sub(lambda found: f";{_public_parameter(found[1])}", parts.path)
    return urlunsplit((parts.scheme, netloc, path, _public_query(parts.query), ""))


def public_text(text: str) -> str:
    """Return a text with each address in it as `public_address` gives it.

    What is an address in part, such as "/pets.zip?sig=..." or "user:password@host", is treated
    alike: libraries report them so.
    """
    text = _ADDRESS.sub(lambda found: public_address(found[0]), text)
    text = _QUERY.sub(lambda found: f"?{_public_query(found[1])}", text)
    return _LOGIN.sub(f"{HIDDEN}@", text)


def _public_query(query: str) -> str:
    return "&".join(map(_public_parameter, query.split("&")))


def _public_parameter(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    if not equals and len(name) <= _MAX_VALUE:
        return name  # such as "anonymous"
    if _SECRET.search(name) or not equals:
        return f"{name if equals else ''}{equals}{HIDDEN}"
    if len(value) > _MAX_VALUE:  # with a digest: other values are other addresses
        return f"{name}={HIDDEN}{hashlib.sha256(value.encode()).hexdigest()[:6]}"
    return parameter
