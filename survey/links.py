"""Service links: which department uses which other one, and how much."""

from pathlib import Path

from survey.models import Department, ServiceLink
from survey.rehearsals import ImportSummary, ignored_columns, rehearsal
from survey.sheets import Faults, Row, Sheet, number, slug

LINK_COLUMNS = ("client", "provider", "weight")


def import_links(path: Path, *, complete: bool = False, rehearse: bool = False) -> ImportSummary:
    """Take in `client,provider,weight`; all of it, or nothing when there is a fault.

    `complete`: links that are not in the file are removed. Raises sheets.ImportRefused.
    """
    faults = Faults(path.name)
    sheet = Sheet(path, faults)
    sheet.require(*LINK_COLUMNS)
    departments = {department.key: department.id for department in Department.select()}
    wanted: dict[tuple[int, int], float] = {}
    lines: dict[tuple[int, int], int] = {}
    for row in sheet:
        link = _read_link(row, sheet, departments, faults)
        if link is None:
            continue
        pair, weight = link
        if pair in lines:
            faults.add(row.line, None, f"the same client and provider stand on line {lines[pair]} as well.")
        lines[pair] = row.line
        wanted[pair] = weight
    if not wanted and not faults.count:
        faults.add(None, None, "has no service links in it.")
    faults.refuse_if_any()
    with rehearsal(rehearse):
        summary = _store_links(wanted, complete)
    summary.notices += ignored_columns(sheet, LINK_COLUMNS)
    return summary


def _read_link(
    row: Row, sheet: Sheet, departments: dict[str, int], faults: Faults
) -> tuple[tuple[int, int], float] | None:
    before = faults.count
    for column in ("client", "provider"):
        if slug(row[column]) not in departments:
            faults.add(
                row.line, column, f'"{row[column]}" is no department; import its people first, or mend the name.'
            )
    if slug(row["client"]) == slug(row["provider"]):
        faults.add(row.line, "provider", "a department cannot be its own provider.")
    weight = number(row["weight"], sheet.decimal_comma)
    if weight is None or not 0 <= weight <= 1:
        faults.add(row.line, "weight", f'"{row["weight"]}" is no weight; write a number from 0 to 1.')
    if faults.count > before or weight is None:
        return None
    return (departments[slug(row["client"])], departments[slug(row["provider"])]), weight


def _store_links(wanted: dict[tuple[int, int], float], complete: bool) -> ImportSummary:
    summary = ImportSummary()
    known = {(link.client_id, link.provider_id): link for link in ServiceLink.select()}
    for (client, provider), weight in wanted.items():
        link = known.get((client, provider))
        if link is None:
            ServiceLink.create(client=client, provider=provider, weight=weight)
            summary.counts["links added"] += 1
        elif link.weight != weight:
            ServiceLink.update(weight=weight).where(ServiceLink.id == link.id).execute()
            summary.counts["links changed"] += 1
        else:
            summary.counts["links unchanged"] += 1
    if complete:
        for pair, link in known.items():
            if pair not in wanted:
                link.delete_instance()
                summary.counts["links removed"] += 1
    return summary
