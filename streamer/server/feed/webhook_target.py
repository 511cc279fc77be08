"""Where finals are posted, and how a post is signed. No socket, no clock."""

import base64
import hashlib
import hmac
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ...protocol.errors import UsageError
from ...protocol.text import without_secrets
from ..options import ServerOptions, is_loopback

PREFIX = "whsec_"
"""Before a secret in base64, as the Standard Webhooks specification writes it."""

SHORTEST = 16  # bytes of a key: a shorter one, or none after the prefix, signs what others could sign too


@dataclass(frozen=True, kw_only=True)
class WebhookTarget:
    """One URL.

    path    with its query
    secret  the key of the signatures; None posts without any
    """

    host: str
    port: int
    path: str
    tls: bool
    secret: bytes | None = None

    @classmethod
    def of(cls, options: ServerOptions) -> "WebhookTarget | None":
        """That of a server, None where it posts nothing. UsageError as `parse`."""
        if options.webhook is None:
            return None
        return cls.parse(options.webhook, options.webhook_secret, insecure=options.insecure)

    @classmethod
    def parse(cls, url: str, secret_file: Path | None = None, *, insecure: bool = False) -> "WebhookTarget":
        """UsageError when the URL or the file with the secret cannot be used.

        insecure  allow plain http to other machines, which would carry words in the clear
        """
        shown = without_secrets(url)
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UsageError(f"--webhook {shown}: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
            raise UsageError(f"--webhook {shown}: an address such as https://app.example/finals")
        if parts.username or parts.password:
            raise UsageError("--webhook: an address without a name and a password; posts are signed instead")
        if parts.scheme == "http" and not is_loopback(parts.hostname) and not insecure:
            raise UsageError(f"--webhook {shown}: words would travel unencrypted; give https, or --insecure")
        return cls(
            host=parts.hostname,
            port=port or (443 if parts.scheme == "https" else 80),
            path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            tls=parts.scheme == "https",
            secret=None if secret_file is None else read_secret(secret_file),
        )

    def context(self) -> ssl.SSLContext | None:
        """Of a TLS connection, which trusts the system's authorities."""
        return ssl.create_default_context() if self.tls else None

    def request(self, body: bytes, post_id: str, timestamp: int) -> bytes:
        """The whole HTTP request.

        Signed as the Standard Webhooks specification says: HMAC-SHA256 over id, time and body, in base64.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        lines = [
            f"POST {self.path} HTTP/1.1",
            f"Host: {host}:{self.port}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
            f"webhook-id: {post_id}",
            f"webhook-timestamp: {timestamp}",
        ]
        if self.secret is not None:
            lines.append(f"webhook-signature: {sign(self.secret, post_id, timestamp, body)}")
        return "\r\n".join([*lines, "", ""]).encode() + body


def sign(secret: bytes, post_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{post_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def read_secret(file: Path) -> bytes:
    """The secret in a file: `whsec_` and base64, or any other line, whose bytes are the key."""
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"--webhook-secret-file {file}: {getattr(error, 'strerror', None) or error}") from None
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else text.encode()
    except ValueError:
        raise UsageError(f"--webhook-secret-file {file}: what follows {PREFIX} is not base64") from None
    if len(key) < SHORTEST:
        raise UsageError(f"--webhook-secret-file {file}: a secret has at least {SHORTEST} bytes")
    return key
