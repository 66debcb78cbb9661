"""Remove secrets from addresses before they are written, logged or printed.

A password, a token or the signature of a presigned link is used to fetch
photos and kept nowhere: run folders are zipped and shared, and logs are copied.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit, urlunsplit

HIDDEN = "***"

_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE)
_LOGIN = re.compile(r"(?<![^\s/'\"(])[^\s/:@'\"(<>]+:[^\s/@'\"<>]+@(?=[\w\[])")  # "user:password@"
_QUERY = re.compile(r"\?([\w.%-]+=[^\s'\"<>]*)")
_SECRET = re.compile(
    r"auth|code|cred|expires|jwt|key|pass|policy|^pw$|pwd|^sas$|secret|session|sig|token|user"
    r"|^se$|^sp$|^sv$"
    # When a link was signed: a newly signed one is the same address.
    r"|^x-(amz|goog)-date$|^st$|^sk[et]$",
    re.IGNORECASE,
)
_PATH_PARAMETER = re.compile(r";([^;/=]+=[^;/]*)")
_MAX_VALUE = 24  # characters of a query's value; a longer one is taken for a key or a signature
_WEB_SCHEMES = ("http://", "https://")  # where "#" ends the path; elsewhere it belongs to a name
_LOGIN_SCHEMES = ("sftp", "ssh")  # their user names are needed to connect again


def public_address(address: str) -> str:
    """Return an address without user info, signatures and tokens; other text as it is."""
    if "://" not in address:
        return address
    is_web = address.lower().startswith(_WEB_SCHEMES)
    try:
        parts = urlsplit(address, allow_fragments=is_web)
        _ = parts.port  # ValueError where a "/" in a password ended the host too early
    except ValueError:
        return address.partition("://")[0] + f"://{HIDDEN}"
    if parts.path.startswith("#"):  # a "#" in a password ended the host too early
        return f"{parts.scheme}://{HIDDEN}"
    user, at, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0] if parts.scheme in _LOGIN_SCHEMES else HIDDEN
    netloc = f"{name}@{host}" if at else host
    path = _PATH_PARAMETER.sub(lambda match: f";{_public_parameter(match[1])}", parts.path)
    return urlunsplit((parts.scheme, netloc, path, _public_query(parts.query), ""))


def public_text(text: str) -> str:
    """Return a text in which `public_address` is applied to every address.

    Secrets are removed from incomplete addresses, too, such as "/pets.zip?sig=..." or
    "user:password@host": messages of libraries contain them.
    """
    text = _ADDRESS.sub(lambda match: public_address(match[0]), text)
    text = _QUERY.sub(lambda match: f"?{_public_query(match[1])}", text)
    return _LOGIN.sub(f"{HIDDEN}@", text)


def _public_query(query: str) -> str:
    return "&".join(map(_public_parameter, query.split("&")))


def _public_parameter(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    if not equals and len(name) <= _MAX_VALUE:
        return name  # such as "anonymous"
    if _SECRET.search(name) or not equals:
        return f"{name if equals else ''}{equals}{HIDDEN}"
    if len(value) > _MAX_VALUE:  # the digest keeps addresses with different values apart
        return f"{name}={HIDDEN}{hashlib.sha256(value.encode()).hexdigest()[:6]}"
    return parameter
