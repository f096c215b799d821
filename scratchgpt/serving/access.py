"""Who may talk to the server: the hosts it answers as, the origins of pages, and the API key."""

import hmac
import ipaddress
import re
import socket
from collections.abc import Sequence
from typing import NamedTuple

from scratchgpt.errors import UserError
from scratchgpt.serving.api_error import APIError

LOOPBACK = ("localhost", "127.0.0.1", "::1")

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_KEY = re.compile(r"[!-~]+")


class Access(NamedTuple):
    """The rules of one server.

    Attributes
    ----------
    hosts : frozenset of str
        The names in ``Host`` headers that are answered. A web page of another site whose name leads
        to this machine (DNS rebinding) has its own name there.
    any_address : bool
        Whether each IP address is answered as well, which no such page can have.
    origins : frozenset of str
        The origins of other pages whose requests are answered.
    api_key : str or None
    """

    hosts: frozenset[str]
    any_address: bool
    origins: frozenset[str]
    api_key: str | None

    def check_host(self, headers: Sequence[str]) -> str:
        """Return the ``Host`` header; there must be one, with a name of this server.

        Raises
        ------
        APIError
        """
        header = headers[0].lower() if len(headers) == 1 else ""
        match = _HOST.fullmatch(header)
        name = match["name"].strip("[]") if match else ""
        if name in self.hosts or (self.any_address and _is_address(name)):
            return header
        raise APIError(
            f"this server does not answer as {header[:100]!r}; use the address that it printed, "
            "or start it with --allow-origin for another name",
            status=403,
            code="forbidden_host",
        )

    def check_origin(self, origins: Sequence[str], host: str) -> str | None:
        """Return the origin of another page that may read the answer, or None if there is none.

        Raises
        ------
        APIError
            If the request is from a page that is neither the server's own nor allowed.
        """
        if not origins:
            return None
        origin = origins[0].lower()
        if len(origins) == 1:
            if origin in self.origins:
                return origin
            if origin == f"http://{host}":
                return None
        raise APIError(
            f"pages of {origin[:100]!r} may not use this server; start it with --allow-origin to "
            "allow them",
            status=403,
            code="forbidden_origin",
        )

    def check_key(self, headers: Sequence[str]) -> None:
        """Compare the API key in constant time.

        Raises
        ------
        APIError
            If a key is set and the request does not have it.
        """
        if self.api_key is None:
            return
        kind, _, key = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
        is_right = hmac.compare_digest(key.strip().encode(), self.api_key.encode())
        if kind.lower() != "bearer" or not is_right:
            raise APIError(
                "the API key is missing or wrong; send Authorization: Bearer KEY",
                status=401,
                code="invalid_api_key",
            )


def make_access(host: str, origins: Sequence[str] = (), api_key: str | None = None) -> Access:
    """Create the rules for a server that listens at ``host``.

    The names of allowed origins are names of the server, too, because a page that may read all
    answers gains nothing by DNS rebinding.

    Raises
    ------
    UserError
        If an origin or the key is not valid.
    """
    lower = [origin.lower().removesuffix("/") for origin in origins]
    for given, origin in zip(origins, lower, strict=True):
        if not _ORIGIN.fullmatch(origin):
            raise UserError(
                f"--allow-origin {given!r} is not an origin; give a scheme, a name and perhaps a "
                "port, such as https://chat.example.com, once for each"
            )
    if api_key is not None and not _KEY.fullmatch(api_key):
        raise UserError("the API key must have one or more ASCII characters and no spaces")
    hosts = {*LOOPBACK, host.lower(), *(_name_of(origin) for origin in lower)}
    if not is_loopback(host):
        hosts.add(socket.gethostname().lower())
    return Access(frozenset(hosts), not is_loopback(host), frozenset(lower), api_key)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    return host.lower() == "localhost" or (
        _is_address(host) and ipaddress.ip_address(host).is_loopback
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name_of(origin: str) -> str:
    """Return the name of a host in an origin, without its port."""
    match = _HOST.fullmatch(origin.partition("://")[2])
    return match["name"].strip("[]") if match else ""
