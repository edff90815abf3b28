"""A reply without a name: whoever keeps a comment's receipt reads what the department replies, and may write back.

A receipt is a code of 140 random bits, given out once. Only its SHA-256 is kept; so many random bits need no salt.
Comments of open waves are shown to nobody but the holder of their receipt.
"""

import re
import secrets
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from hashlib import sha256
from itertools import takewhile
from struct import Struct
from typing import NamedTuple
from zoneinfo import ZoneInfo

from peewee import JOIN, Query, fn

from survey import releases
from survey.database import is_sqlite
from survey.measure.cadence import local
from survey.measure.disclosure import COMMENTS_FROM
from survey.models import RUNNING, Comment, Department, Pulse, Receipt, Reply, Wave, database
from survey.prepared import prepared
from survey.refusal import Refusal, _l
from survey.releases import PublicComment

SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32 (2002): without I, L, O and U
SIGN_OF = bytes(ord(SIGNS[byte & 31]) for byte in range(256))  # 32 divides 256, so each sign is as likely
GROUPS, GROUP_SIGNS = 7, 4  # "7K2M-9QXR-…", 5 bits a sign
IN_GROUPS = Struct(f"{GROUP_SIGNS}s" * GROUPS)
WELL_FORMED = re.compile("-".join([f"[{SIGNS}]{{{GROUP_SIGNS}}}"] * GROUPS))
AS_READ = str.maketrans("OIL", "011")  # what people take for one another

REPLY_CHARACTERS = 2000
MESSAGES = 20  # of each side, below one comment


class State(StrEnum):
    """What has become of a comment."""

    WAITING = "waiting"  # its wave is open
    PASSED_ON = "passed on"
    TOO_FEW = "too few"  # deleted at closing: too few people had rated the department
    CALLED_OFF = "called off"  # deleted with all that was said in its wave


@dataclass(frozen=True)
class Message:
    """`replied_on` is the local day of a department's reply; what a comment's writer says has none."""

    by_client: bool
    text: str
    replied_on: date | None


@dataclass(frozen=True)
class Thread:
    """The messages below a comment, the first one first."""

    messages: tuple[Message, ...] = ()

    @property
    def news(self) -> int:
        """How many messages the comment's writer has added since the department's last reply."""
        return len(list(takewhile(lambda message: message.by_client, reversed(self.messages))))

    def takes_more(self, *, by_client: bool) -> bool:
        return sum(message.by_client is by_client for message in self.messages) < MESSAGES


@dataclass(frozen=True)
class Published:
    """A published comment, and what came after it; no thread when its writer took no receipt."""

    wave: Wave  # with its pulse
    comment: PublicComment
    thread: Thread | None


@dataclass(frozen=True)
class Held:
    """What a receipt leads to. Provider, kind and text are empty when the comment has been deleted."""

    state: State
    wave: Wave  # with its pulse
    raters_needed: int  # for comments of this wave to be passed on
    provider: str
    kind: str
    text: str
    comment_id: str | None
    thread: Thread


@dataclass(frozen=True)
class Taken:
    """A code that was given out, and what its comment is."""

    provider: str
    kind: str
    code: str


class FirstReplies(NamedTuple):
    """How many complaints of a wave about a provider had their first reply on a day, or have none yet."""

    wave: int
    provider: int
    day: date | None
    complaints: int


# --- Codes ---------------------------------------------------------------------------------------------------------


def new_code() -> str:
    signs = secrets.token_bytes(IN_GROUPS.size).translate(SIGN_OF)
    return b"-".join(IN_GROUPS.unpack(signs)).decode("ascii")


def is_code(text: str) -> bool:
    """Whether a text has exactly the form in which codes are given out."""
    return WELL_FORMED.fullmatch(text) is not None


def read_code(typed: str) -> str:
    """A code as it was given out, however it was typed: small letters, other gaps, O for 0, I or L for 1."""
    signs = re.sub(r"[\s-]", "", typed).upper().translate(AS_READ)
    return "-".join(signs[start : start + GROUP_SIGNS] for start in range(0, len(signs), GROUP_SIGNS))


def digest(code: str) -> str:
    return sha256(code.encode(errors="replace")).hexdigest()


def unused(codes: Sequence[str]) -> list[str]:
    """Each code, or a fresh one in the place of one that is no code, comes twice or has been given out before."""
    given = {found for (found,) in _given_out.raw([digest(code) for code in codes])} if codes else set()
    fresh = []
    for code in codes:
        usable = code if is_code(code) and digest(code) not in given else new_code()
        given.add(digest(usable))
        fresh.append(usable)
    return fresh


@prepared
def _given_out(digests: Sequence[str]) -> Query:
    return Receipt.select(Receipt.digest).where(Receipt.digest.in_(digests)).tuples()


def taken(codes: Iterable[str]) -> list[Taken]:
    """Which of these codes have been given out with a comment, by provider: who sends twice is shown them again."""
    by_digest = {digest(code): code for code in codes if is_code(code)}
    query = (
        Receipt.select(Receipt.digest, Department.name, Comment.kind)
        .join(Comment)
        .join(Department)
        .where(Receipt.digest.in_(list(by_digest)))
        .order_by(Department.name)
    )
    return [Taken(name, kind, by_digest[found]) for found, name, kind in query.tuples()]


# --- For whoever holds a receipt -----------------------------------------------------------------------------------


def held(code: str) -> Held | None:
    """What the receipt of this code leads to; None when no such code was given out."""
    query = (
        Receipt.select(Receipt, Wave, Pulse, Comment, Department)
        .join(Wave)
        .join(Pulse)
        .switch(Receipt)
        .join(Comment, JOIN.LEFT_OUTER)
        .join(Department, JOIN.LEFT_OUTER)
        .where(Receipt.digest == digest(code))
    )
    receipt = query.get_or_none()
    if receipt is None:
        return None
    comment = receipt.comment
    return Held(
        state=_state(receipt),
        wave=receipt.wave,
        raters_needed=max(COMMENTS_FROM, receipt.wave.min_group),
        provider=comment.provider.name if comment else "",
        kind=comment.kind if comment else "",
        text=comment.text if comment else "",
        comment_id=receipt.comment_id,
        thread=_threads([receipt.comment_id]).get(receipt.comment_id, Thread()),
    )


def _state(receipt: Receipt) -> State:
    if receipt.wave.state in RUNNING:
        return State.WAITING
    if receipt.wave.state == "cancelled":
        return State.CALLED_OFF
    return State.PASSED_ON if receipt.comment_id else State.TOO_FEW


def write_back(found: Held, text: str) -> None:
    """Add what the comment's writer says. Raises Refusal."""
    if found.state is not State.PASSED_ON:
        raise Refusal(_l("You can write back once your comment has been passed on."))
    _add(found.comment_id, text, replied_on=None)


# --- For the department --------------------------------------------------------------------------------------------


def threads(comments: Iterable[PublicComment]) -> dict[str, Thread]:
    """{comment: what came after it}, of those whose writer took a receipt and can read a reply. Two queries."""
    ids = [comment.id for comment in comments]
    begun = _threads(ids)
    reachable = Receipt.select(Receipt.comment).where(Receipt.comment.in_(ids)).tuples()
    return {comment: begun.get(comment, Thread()) for (comment,) in reachable}


def news_first(comments: Iterable[PublicComment], threads: Mapping[str, Thread]) -> list[PublicComment]:
    """Comments whose writer has had the last word; after them the others, as they were."""
    return sorted(comments, key=lambda comment: not threads.get(comment.id, Thread()).news)


def published(comment_id: str, providers: Collection[int]) -> Published | None:
    """The comment of this id if it was published about one of these providers, else None."""
    wave = (
        Wave.select(Wave, Pulse)
        .join(Pulse)
        .switch(Wave)
        .join(Comment)
        .where(Comment.id == comment_id, Wave.state == "closed")
        .get_or_none()
    )
    told = releases.comments(wave, providers).values() if wave else ()
    comment = next((comment for said in told for comment in said if comment.id == comment_id), None)
    return Published(wave, comment, threads([comment]).get(comment_id)) if comment else None


def first_replies(waves: Collection[int]) -> list[FirstReplies]:
    """When departments first replied to the complaints in closed waves that can be replied to, added up by day.

    What writers say has no day.
    """
    theirs = (Reply.comment == Comment.id) & (~Reply.by_client)
    # By the receipt's wave, so that the database does not look at all the comments that have none.
    closed = Wave.select(Wave.id).where(Wave.id.in_(list(waves)), Wave.state == "closed")
    query = (
        Receipt.select(Comment.wave, Comment.provider, fn.MIN(Reply.replied_on))
        .join(Comment)
        .join(Reply, JOIN.LEFT_OUTER, on=theirs)
        .where(Receipt.wave.in_(closed), Comment.kind == "complaint")
        .group_by(Comment.id, Comment.wave, Comment.provider)
    )
    found = Counter(database.execute(query))  # as it comes: they are many, and their days few
    return [
        FirstReplies(wave, provider, Reply.replied_on.python_value(day), number)
        for (wave, provider, day), number in found.items()
    ]


def written() -> int:
    """How many messages stand below comments, of both sides: none is ever deleted once its comment is published."""
    return Reply.select().count()


def reply(found: Published, text: str, now: int) -> None:
    """Add the department's reply. Raises Refusal."""
    if found.thread is None:
        raise Refusal(_l("Whoever wrote this took no receipt, so a reply would reach nobody."))
    _add(found.comment.id, text, replied_on=local(now, ZoneInfo(found.wave.pulse.timezone)).date())


# --- Threads -------------------------------------------------------------------------------------------------------


def _threads(comments: Sequence[str | None]) -> dict[str, Thread]:
    """{comment: its thread}, of those that have one."""
    query = Reply.select(Reply.comment, Reply.by_client, Reply.text, Reply.replied_on).where(
        Reply.comment.in_(comments)
    )
    messages = defaultdict(list)
    for comment, *message in query.order_by(Reply.sequence).tuples():
        messages[comment].append(Message(*message))
    return {comment: Thread(tuple(found)) for comment, found in messages.items()}


def _add(comment_id: str | None, text: str, replied_on: date | None) -> None:
    """Store a message; what its sender has said last is not stored twice, for it was sent twice by impatience."""
    by_client = replied_on is None
    if not text:
        raise Refusal(_l("Nothing is written yet."))
    if len(text) > REPLY_CHARACTERS:
        raise Refusal(_l("At most %(max)d characters, please."), max=REPLY_CHARACTERS)
    with database.atomic():
        _hold(comment_id)
        thread = _threads([comment_id]).get(comment_id or "", Thread())
        if thread.messages and (thread.messages[-1].by_client, thread.messages[-1].text) == (by_client, text):
            return
        if not thread.takes_more(by_client=by_client):
            raise Refusal(_l("Each side can write %(max)d times at most, and you have."), max=MESSAGES)
        place = len(thread.messages) + 1
        Reply.create(comment=comment_id, sequence=place, by_client=by_client, text=text, replied_on=replied_on)


def _hold(comment_id: str | None) -> None:
    """Keep others from adding to the same thread until this transaction ends; SQLite has one writer anyway."""
    if not is_sqlite():
        Receipt.select().where(Receipt.comment == comment_id).for_update().get()
