"""Links that only this installation can make: a random id and a code computed from it with the secret key.

Nothing of a link is stored but its id, so who reads the database cannot answer or sign in for anybody, and a reminder
can write the same link again.
"""

import hashlib
import hmac
from functools import lru_cache

from itsdangerous import BadData, URLSafeTimedSerializer

from survey.settings import Settings

MAC_BYTES = 16
ID_CHARACTERS = 32  # at most
MACS_KEPT = 4096  # whoever opens a link sends its page a minute later
SIGN_IN_MINUTES = 15


def invitation_token(invitation_id: str, settings: Settings) -> str:
    """`<id>.<mac>`, mac being 128 bits of HMAC-SHA256 over the id (RFC 2104)."""
    return f"{invitation_id}.{_mac('invitation', invitation_id, settings.key())}"


def invitation_id(token: str, settings: Settings) -> str | None:
    """The id that a token names, or None when it was not made here."""
    return _id_in(token, "invitation", settings)


def subscriber_token(person_id: int, settings: Settings) -> str:
    """`<id>.<mac>`, the key to how often a person is mailed summaries; it stands in old mails and works for good."""
    return f"{person_id}.{_mac('subscriber', str(person_id), settings.key())}"


def subscriber(token: str, settings: Settings) -> int | None:
    """The person that a token names, or None when it was not made here."""
    found = _id_in(token, "subscriber", settings)
    return int(found) if found else None


def reader_token(person_id: int, settings: Settings) -> str:
    """`<id>.<mac>`, the key to the page of what departments have done; it works as long as the person is active."""
    return f"{person_id}.{_mac('reader', str(person_id), settings.key())}"


def reader(token: str, settings: Settings) -> int | None:
    """The person that a token names, or None when it was not made here."""
    found = _id_in(token, "reader", settings)
    return int(found) if found else None


def _id_in(token: str, purpose: str, settings: Settings) -> str | None:
    found, _, mac = token.partition(".")
    if len(found) > ID_CHARACTERS:
        return None
    return found if hmac.compare_digest(mac.encode(), _mac(purpose, found, settings.key()).encode()) else None


@lru_cache(maxsize=MACS_KEPT)
def _mac(purpose: str, key: str, secret: str) -> str:
    return hmac.digest(secret.encode(), f"{purpose} {key}".encode(), "sha256")[:MAC_BYTES].hex()


def sign_in_token(person_id: int, sign_ins: int, settings: Settings) -> str:
    """A token for one sign-in of a person who has signed in `sign_ins` times so far."""
    return _serializer(settings).dumps([person_id, sign_ins])


def read_sign_in(token: str, settings: Settings) -> tuple[int, int] | None:
    """Person and number of sign-ins that a token names; None when it is forged or older than 15 minutes."""
    try:
        person_id, sign_ins = _serializer(settings).loads(token, max_age=60 * SIGN_IN_MINUTES)
    except (BadData, ValueError, TypeError):
        return None
    return person_id, sign_ins


def _serializer(settings: Settings) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings.key(), salt="sign-in", signer_kwargs={"digest_method": hashlib.sha256})
