"""The limit of a respondent's session: two pages of given bytes from Flask, and the same rows in one raw transaction.

`python -m tests.bench.bare --port 8000` with the folder's database, `get.html` and `post.html` in ESPEJO_HOME. It
stores as durably as Espejo and on the same server, but asks nothing, checks nothing and says the same to everybody.
"""

import argparse
import json
import os
import socket
import sqlite3
import threading
from pathlib import Path

from flask import Flask, request

from survey.database import BUSY_TIMEOUT_SECONDS, SQLITE_PRAGMAS
from survey.measure.scale import ITEMS
from survey.models import random_id
from survey.server import BACKLOG, listening

ANSWERED = "UPDATE invitation SET answered = 1 WHERE id = ? AND NOT answered"
RATING = "INSERT INTO rating (id, wave_id, provider_id, client_group_id, answers, added) VALUES (?, ?, ?, ?, ?, 0)"
COMMENT = "INSERT INTO comment (id, wave_id, provider_id, kind, text) VALUES (?, ?, ?, ?, ?)"


def bare_app(home: Path) -> Flask:
    app = Flask(__name__)
    get, post = ((home / name).read_bytes() for name in ("get.html", "post.html"))
    with sqlite3.connect(home / "espejo.sqlite3") as reader:
        wave, group = reader.execute("SELECT wave_id, client_group_id FROM invitation LIMIT 1").fetchone()
    own, writing = threading.local(), threading.Lock()

    def connection() -> sqlite3.Connection:
        """A kept one for each thread."""
        if not hasattr(own, "connection"):
            own.connection = sqlite3.connect(home / "espejo.sqlite3", BUSY_TIMEOUT_SECONDS, isolation_level=None)
            for name, value in SQLITE_PRAGMAS.items():
                own.connection.execute(f"PRAGMA {name} = {value}")
        return own.connection

    @app.get("/livez")
    def alive() -> str:
        return "ok"

    @app.get("/r/<token>")
    def questions(token: str) -> bytes:
        return get

    @app.post("/r/<token>")
    def store(token: str) -> bytes:
        form = request.form
        providers = list(dict.fromkeys(name.split("-")[0] for name in form if name.endswith("-overall")))
        with writing:
            rows = connection()
            rows.execute("BEGIN IMMEDIATE")
            rows.execute(ANSWERED, (token.partition(".")[0],))
            for provider in providers:
                answers = json.dumps({item: int(form[f"{provider}-{item}"]) for item in ITEMS})
                rows.execute(RATING, (random_id(), wave, provider[1:], group, answers))
            first = providers[0]
            said = (random_id(), wave, first[1:], form[f"{first}-kind"], form[f"{first}-comment"])
            rows.execute(COMMENT, said)
            rows.execute("COMMIT")
        return post

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    app = bare_app(Path(os.environ["ESPEJO_HOME"]))
    listening(app, socket.create_server(("127.0.0.1", chosen.port), backlog=BACKLOG), answers_at_once=1).run()


if __name__ == "__main__":
    main()
