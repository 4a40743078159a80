"""Which web addresses may be fetched from: read strictly, in one spelling, and never inside one's own network.

Whoever may name an address must not reach through Oncue what only Oncue can reach: this machine, its network, the
cloud's metadata. So what is not plainly a public web address is refused, and clever spellings are not interpreted.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

from app.services.ports import FetchError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_LENGTH = 2000
DEFAULT_PORTS = {"http": 80, "https": 443}
PORTS = frozenset({80, 443, 8080, 8443})
"""Where web servers listen; on others there are mail servers, databases and the like, which HTTP could be smuggled into."""

PRIVATE_V4 = tuple(map(ipaddress.IPv4Network, (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "168.63.129.16/32",  # public by its number, and yet Azure's own service inside each of its machines
)))
PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
NOT_PUBLIC_V6 = tuple(map(ipaddress.IPv6Network, (
    "2001::/23",  # protocols' own, Teredo among them
    "2001:db8::/32", "3fff::/20",  # documentation
    "2002::/16",  # 6to4, which carries an IPv4 address and which nobody serves videos from
)))
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
ISATAP = (0x00005EFE, 0x02005EFE)

# They resolve to addresses that are refused anyway; refused by name, too, they stay so whatever a resolver says.
INSIDE_NAMES = frozenset({"localhost", "local", "internal", "home.arpa", "lan", "intranet", "corp", "localdomain", "metadata.goog"})
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\\<>\"^`{|}\u2000-\u200f\u2028-\u202f]")

TEXTS = {
    "url_invalid": "This is not a web address that Oncue can read. Copy the file's link anew; it begins with https:// or http://.",
    "url_credentials": "The link holds a user name or a password. Use a link that works without.",
    "url_port": "Oncue fetches from the ports 80, 443, 8080 and 8443 only. Put the file on an ordinary web server.",
    "url_forbidden": "The link leads into a private network. Put the file where everybody can reach it.",
}


def forbidden(why: str = "url_forbidden") -> FetchError:
    """The refusal of an address that is one, but not a public one."""
    return FetchError("url_forbidden", TEXTS[why])


def invalid(why: str = "url_invalid") -> FetchError:
    """The refusal of what is no web address that everybody reads in the same way."""
    return FetchError("url_invalid", TEXTS[why])


@dataclass(frozen=True, slots=True)
class WebAddress:
    """A web address in its one spelling: `host` is ASCII and lower case, `literal` the address that it is written as, if it is."""

    scheme: str
    host: str
    port: int
    target: str
    literal: Address | None
    is_allowed: bool
    """Whether the settings name its host and port: whatever it resolves to is right then."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.target}"

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if isinstance(self.literal, ipaddress.IPv6Address) else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str, allowed: Collection[str] = ()) -> WebAddress:
    """Read an address. Raises FetchError `url_invalid` or `url_forbidden`; what a name resolves to is not asked here."""
    parts, port = _split(url.strip())
    literal = _literal(parts)
    host = _name(parts.hostname or "") if literal is None else str(literal)
    literal = literal or _dotted(host)
    found = WebAddress(parts.scheme, host, port, _target(parts), literal, _allowed_key(host, port) in allowed)
    if not found.is_allowed:
        _check(found)
    return found


def is_public(address: Address) -> bool:
    """Whether everybody can reach it. NAT64's carry the IPv4 address that counts; all other disguises are refused."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in PRIVATE_V4)
    if address in NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address.scope_id is not None or (int(address) >> 32) & 0xFFFFFFFF in ISATAP:
        return False
    return address in PUBLIC_V6 and not any(address in network for network in NOT_PUBLIC_V6)


def _split(url: str) -> tuple[SplitResult, int]:
    if not url or len(url) > MAX_LENGTH or UNSAFE.search(url):
        raise invalid()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise invalid() from None
    if parts.scheme not in DEFAULT_PORTS or not url.lower().startswith(f"{parts.scheme}://") or not parts.hostname or port == 0:
        raise invalid()
    if "@" in parts.netloc:
        raise invalid("url_credentials")
    if "%" in parts.netloc:  # an encoded host, or an address's zone
        raise invalid()
    return parts, port or DEFAULT_PORTS[parts.scheme]


def _literal(parts: SplitResult) -> Address | None:
    """The IPv6 address in brackets, if there are brackets."""
    if "[" not in parts.netloc and "]" not in parts.netloc:
        return None
    try:
        return ipaddress.IPv6Address(parts.hostname or "")
    except ValueError:
        raise invalid() from None


def _name(host: str) -> str:
    """The host in ASCII: other scripts' digits and dots become ours before anybody looks at them."""
    try:
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        raise invalid() from None
    if len(name) > 253 or not all(LABEL.fullmatch(label) for label in name.split(".")):
        raise invalid()
    return name


def _dotted(host: str) -> Address | None:
    """The IPv4 address, if the host is one. Short, octal, hexadecimal or decimal ones are refused: programs read them differently."""
    if not NUMBER.fullmatch(host.rsplit(".", 1)[-1]):
        return None
    try:
        return ipaddress.IPv4Address(host)
    except ValueError:
        raise forbidden() from None


def _target(parts: SplitResult) -> str:
    # A % stays as it is: the address was copied from somewhere that has encoded it already.
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    query = quote(parts.query, safe="/?%:@!$&'()*+,;=~[]")
    return f"{path}?{query}" if query else path


def _check(found: WebAddress) -> None:
    if found.port not in PORTS:
        raise forbidden("url_port")
    if found.literal is not None:
        if not is_public(found.literal):
            raise forbidden()
        return
    labels = found.host.split(".")
    # No name of a single word is public.
    if len(labels) == 1 or any(".".join(labels[n:]) in INSIDE_NAMES for n in range(len(labels))):
        raise forbidden()


def _allowed_key(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
