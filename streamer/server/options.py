"""The options of a server, checked before it listens."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ..protocol.errors import UsageError
from ..protocol.events import Limits

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")
GUESSED_CHARACTERS = 16  # a token of fewer can be guessed: 16 random ones of base64 hold 96 bits


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Addresses, access and limits.

    token           what a client must send; None admits everybody, which needs loopback or `insecure`
    observe_token   what an observer of sessions must send, which admits to nothing else; None allows no observers
    webhook         URL to which finals are posted; None posts nowhere
    webhook_secret  file with the key that signs the posts
    origins         pages that may connect, besides the server's own page under a loopback name or `host`
    cert, key       TLS, PEM files
    store           where sessions wait whose connection was lost: "memory", or a redis:// or rediss:// URL
    max_sessions    open websockets; further ones are answered 503. Connections that have sent no request do not count:
                    of those as many are kept, at least 1,024, and then the one that has waited the longest is closed
    max_session_s   audio of one session, after which it expires
    finish_s        deadline of a live session for what is still computed after `finish`
    slow_s          a client that reads nothing for so long is disconnected
    drain_s         time after SIGTERM within which the process exits
    limits          as clients are told
    messages_s      text messages a second that one client may send, three times as many at once
    batch           windows in one forward pass, at most
    language        of the speech, where a client does not name one; None detects it
    """

    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    observe_token: str | None = None
    webhook: str | None = None
    webhook_secret: Path | None = None
    origins: tuple[str, ...] = ()
    cert: Path | None = None
    key: Path | None = None
    insecure: bool = False
    store: str = "memory"
    max_sessions: int = 1_000
    max_session_s: float = 86_400.0
    finish_s: float = 10.0
    slow_s: float = 10.0
    drain_s: float = 10.0
    limits: Limits = field(default_factory=Limits)
    messages_s: float = 20.0
    batch: int = 16
    language: str | None = None

    def __post_init__(self) -> None:
        """UsageError when the server would be open to strangers, or TLS is half given."""
        if not is_loopback(self.host) and self.token is None and not self.insecure:
            raise UsageError(
                f"--host {self.host} can be reached from other machines: give a --token, or --insecure if everybody "
                "who can reach it may use it"
            )
        if (self.cert is None) != (self.key is None):
            raise UsageError("TLS needs both --cert and --key")
        for token in (self.token, self.observe_token):
            if token is not None and (not token or not token.isprintable() or " " in token):
                raise UsageError("a token must not be empty or hold spaces or control characters")
        if self.observe_token is not None and self.observe_token == self.token:
            raise UsageError("--observe-token must differ from --token: who observes may not send, nor the reverse")
        if self.webhook_secret is not None and self.webhook is None:
            raise UsageError("--webhook-secret-file signs the posts of a --webhook, and there is none")
        if not 0 <= self.port <= 65_535:
            raise UsageError(f"--port {self.port}: must be from 0 to 65535")
        if self.max_sessions < 1:
            raise UsageError(f"--max-sessions {self.max_sessions}: must be at least 1")
        for origin in self.origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path:
                raise UsageError(f"--origin {origin}: a scheme, a host and its port, such as https://app.example:8443")
        if not 0 <= self.drain_s <= 3_600:
            raise UsageError(f"--drain {self.drain_s}: must be from 0 to 3600 seconds")

    def shortcomings(self) -> list[str]:
        """What makes a server that other machines can reach easier to attack than it need be; a sentence each."""
        if is_loopback(self.host):
            return []
        found = []
        tokens = {"--token": self.token, "--observe-token": self.observe_token}
        for name, token in tokens.items():
            if token is not None and len(token) < GUESSED_CHARACTERS:
                advice = "`python3 -c 'import secrets; print(secrets.token_urlsafe(24))'` makes a good one"
                found.append(f"{name} has fewer than {GUESSED_CHARACTERS} characters and can be guessed; {advice}")
        if self.cert is None:
            found.append(
                f"other machines can reach {self.host}, and there is no TLS: voices and tokens travel unencrypted "
                "unless a proxy in front speaks it; give --cert and --key"
            )
        return found


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    if host in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
