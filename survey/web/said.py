"""What clients wrote about a department, page by page: of a large one there are thousands of comments."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, request, url_for

from survey.models import Department
from survey.releases import PublicComment
from survey.web.choices import chosen_page

AT_ONCE = 20  # comments on a page


@dataclass(frozen=True)
class Said:
    """One page of a department's comments, by kind."""

    comments: Sequence[PublicComment]
    counts: Mapping[str, int]  # by kind, on all pages together
    number: int
    pages: int
    anchor: str
    argument: str  # the number's name in the address

    def address(self, page: int) -> str:
        """Another page of these comments; where else something has pages, its first."""
        values: dict[str, Any] = {"wave": request.args.get("wave"), self.argument: page, "_anchor": self.anchor}
        return url_for(request.endpoint or "", **(request.view_args or {}), **values)


def said(department: Department, comments: Sequence[PublicComment]) -> Said:
    """The page that `?page-<department>=` asks for, else the one with the comment of `?comment=`, else the first.

    404 for a page that is none.
    """
    argument, by_kind = f"page-{department.key}", sorted(comments, key=lambda comment: comment.kind)
    number, pages = chosen_page(argument, _page_of(request.args.get("comment"), by_kind)), -(-len(by_kind) // AT_ONCE)
    if number > max(1, pages):
        abort(404)
    return Said(
        comments=by_kind[(number - 1) * AT_ONCE : number * AT_ONCE],
        counts=Counter(comment.kind for comment in by_kind),
        number=number,
        pages=pages,
        anchor=f"said-{department.key}",
        argument=argument,
    )


def _page_of(asked: str | None, comments: Sequence[PublicComment]) -> int:
    """The page on which a comment stands; the first one for a comment that is none of these."""
    return next((place for place, comment in enumerate(comments) if comment.id == asked), 0) // AT_ONCE + 1
