"""What goes between Espejo and a mail server."""

import pytest

from survey.transport import LONGEST_REPLY, Mail, Refused


@pytest.mark.parametrize(
    ("sender", "receiver", "is_international"),
    [("a@x.example", "b@x.example", False), ("ñ@x.example", "b@x.example", True), ("a@x.example", "b@ñ.example", True)],
)
def test_a_mail_is_international_when_one_of_its_addresses_is(
    sender: str, receiver: str, is_international: bool
) -> None:
    assert Mail(sender, receiver, "¡Sí!".encode()).is_international is is_international


def test_a_reply_is_kept_as_one_line_that_is_not_too_long() -> None:
    assert str(Refused("550 no\r\n\x1b[31muser \x07", forever=True)) == "550 no [31muser"
    assert len(str(Refused("x" * 1000, forever=True))) == LONGEST_REPLY
