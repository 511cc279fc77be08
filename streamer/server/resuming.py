"""A session goes on on another socket: found with us or in the store, restored, and caught up with."""

import math
import secrets
from typing import TYPE_CHECKING

from msgspec import structs

from ..protocol.errors import ConfigInvalid, InvalidJson, RecordInvalid
from ..protocol.events import SessionResumed
from ..protocol.messages import LastSeq, SessionResume
from ..session.session import Output
from .store import StoreUnavailable
from .stored import Stored, hashed, same, unpack
from .stream import Stream

if TYPE_CHECKING:
    from .hub import Hub
    from .link import Link

UNKNOWN = "no such session, or not with this token; it may have waited too long: open a new one"


async def resume(hub: "Hub", link: "Link", message: SessionResume) -> None:
    """Hand a session over to the socket that asks for it. InvalidJson when `last_seq` does not fit it."""
    stored = await _found(hub, link, message)
    if stored is None:
        if not link.leaving:
            link.end("resume_unknown", UNKNOWN)
        return
    try:
        _adopt(hub, link, stored, message.last_seq)
    except InvalidJson:  # a resume that was malformed must not cost the session
        await hub.put_record(stored)
        raise
    except (RecordInvalid, ConfigInvalid) as error:
        link.end("resume_unknown", str(error))


async def _found(hub: "Hub", link: "Link", message: SessionResume) -> Stored | None:
    """Of another socket of ours, which lets go, or of the store; None when there is none with this token."""
    token = hashed(message.resume_token)
    holder = hub.link_of(message.session_id)
    if holder is not None:
        if holder is link or not same(holder.stream.token, token):
            return None
        stored = holder.stream.stored()
        hub.forget(holder)
        holder.end("session_taken", "a newer socket has gone on with this session")
        # Another server may have had it since, with a socket of ours that nobody closed: then the store knows more.
        if not hub.store.outlives or not holder.stream.begun or await hub.put_record(stored) is not False:
            return stored
    try:
        owner = secrets.token_hex(8)
        raw = await hub.store.take(message.session_id, token, owner)
        return None if raw is None else structs.replace(unpack(raw), owner=owner)
    except StoreUnavailable as error:
        hub.store_failed(message.session_id, error)
        link.end("resume_unknown", "the session store does not answer; try again", close=1013)
    except RecordInvalid:
        pass
    return None


def _adopt(hub: "Hub", link: "Link", stored: Stored, last_seq: LastSeq) -> None:
    """The stored session goes on in this link, in the place of the link's own."""
    stream = Stream.restore(stored, hub.contract)
    again = stream.rejoin(last_seq)
    if stored.lost_events and stream.gap:
        link.end("session_expired", "events that were never acknowledged are no longer kept; open a new session")
        return
    hub.exchange(link, stream)
    stream.stored_s = stored.audio_s if hub.store.outlives else math.inf
    link.backlog.resumed()
    link.keeper.keep()  # a record that was found has only a part of its time left
    for voice in stream.voices:
        next_seq = voice.session.next_seq
        link.emit(voice, SessionResumed(audio_s=stored.audio_s, next_seq=next_seq))
    for data in again:
        link.outbox.push(None, data)
    for voice in stream.voices:
        link.step(voice, Output([], voice.session.pending()))
    if stream.finishing and not link.leaving:
        link.finish(hub.options.finish_s if stream.config.pace == "realtime" else math.inf)
