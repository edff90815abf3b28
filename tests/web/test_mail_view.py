"""The HTML of a mail inside a page."""

import re

from survey.web.mail_view import framed

MAIL = """<html><head><style>p{margin:0}</style></head>
<body><p style="color: &quot;red&quot;">A</p><b style="x:y">B</b></body>"""


def test_styles_of_a_mail_move_to_where_the_security_policy_lets_them_be():
    answer = framed(MAIL)
    text = answer.get_data(as_text=True)
    nonce = re.search(r"nonce-([\w-]+)", answer.headers["Content-Security-Policy"])
    assert nonce
    assert ' style="' not in text
    assert text.count(f'<style nonce="{nonce[1]}"') == 2
    assert '[data-rule="0"]{color: "red"}[data-rule="1"]{x:y}' in text
    assert '<p data-rule="0">A</p><b data-rule="1">B</b>' in text


def test_no_two_frames_share_a_key():
    assert framed(MAIL).headers["Content-Security-Policy"] != framed(MAIL).headers["Content-Security-Policy"]
