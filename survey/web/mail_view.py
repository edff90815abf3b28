"""The HTML of a mail inside a page."""

import html
import re
import secrets

from flask import Response

from survey.web.frame import security_policy

INLINE_STYLE = re.compile(r' style="([^"]*)"')


def framed(text: str) -> Response:
    """A mail as its reader sees it, to be shown in a frame.

    The pages' security policy forbids style attributes, which mails need, so they move to a style element with a nonce.
    """
    nonce = secrets.token_urlsafe(16)
    rules: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f' data-rule="{rules.setdefault(html.unescape(found[1]), len(rules))}"'

    text = INLINE_STYLE.sub(number, text).replace("<style", f'<style nonce="{nonce}"')
    sheet = "".join(f'[data-rule="{place}"]{{{rule}}}' for rule, place in rules.items())
    head = f'<head><base target="_top"><style nonce="{nonce}">{sheet}</style>'
    response = Response(text.replace("<head>", head, 1), mimetype="text/html")
    response.headers["Content-Security-Policy"] = security_policy(f"'nonce-{nonce}'")
    return response
