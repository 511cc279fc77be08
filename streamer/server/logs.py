"""Structured logs: one JSON object a line, without audio and without transcripts."""

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec

LOGGER = "emoscope.server"
FIELDS = "emoscope_fields"
LIBRARIES = ("asyncio", "websockets.server")  # their errors are lines of the same form, and their warnings are none


class JsonLines(logging.Formatter):
    """Time, level, name of the event, and its fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


class Log:
    """`log.info("opened", session=..., peer=...)`."""

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger(LOGGER)

    def info(self, event: str, **fields: Any) -> None:
        self._logger.info(event, extra={FIELDS: fields})

    def warning(self, event: str, **fields: Any) -> None:
        self._logger.warning(event, extra={FIELDS: fields})

    def error(self, event: str, **fields: Any) -> None:
        self._logger.error(event, extra={FIELDS: fields})

    def engine(self, failure: str) -> None:
        """The engine stopped answering, or answers again."""
        if failure:
            self.error("engine", message=failure)
        else:
            self.info("engine is back")

    def late(self, message: str) -> None:
        """The process had to exit before the shutdown was complete."""
        self.error("cut short", message=message)

    def broke(self, event: str, **fields: Any) -> None:
        """A fault of the server, with the traceback of the exception that is being handled."""
        self._logger.exception(event, extra={FIELDS: fields})


def to_stderr(level: int = logging.INFO) -> None:
    """Write the logs to stderr, as `emoscope serve` does."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    for name in (LOGGER, *LIBRARIES):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level if name == LOGGER else logging.ERROR)


def errors_alone() -> None:
    """Show no warnings of the libraries: asyncio has one for each message to a connection that is lost."""
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.ERROR)
