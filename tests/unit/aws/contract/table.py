"""The table of the checks in the documentation: `python -m tests.unit.aws.contract.table` writes it anew."""

from __future__ import annotations

from pathlib import Path

from tests.unit.aws.contract.catalogue import ALL, SERVICES
from tests.unit.aws.contract.checks import Check

PAGE = Path(__file__).parents[4] / "docs" / "fidelity" / "aws-endpoint.md"
BEGINS = "<!-- The tables are made by `python -m tests.unit.aws.contract.table`. -->\n"
HEAD = ("| id | what AWS does | here | moto |", "|---|---|---|---|")


def written(page: str) -> str:
    """The page with the tables as the checks are."""
    return page.partition(BEGINS)[0] + BEGINS + _tables()


def _tables() -> str:
    counts = [f"{len(ALL)} checks.", *(_count(driver) for driver in ("embedded", "moto"))]
    parts = ["\n" + " ".join(counts) + "\n"]
    names = dict.fromkeys(service.service for service in SERVICES)
    for name in names:
        rows = [_row(check) for service in SERVICES if service.service == name for check in service.all]
        parts.append(
            "\n".join(["", f"## {name}", "", "| id | what AWS does | here | moto |", "|---|---|---|---|", *rows, ""])
        )
    return "".join(parts)


def _count(driver: str) -> str:
    known = [check for check in ALL if driver in check.known]
    asked = [check for check in ALL if check.asked(driver)]
    differ = [check for check in known if check in asked]
    name = "The endpoint" if driver == "embedded" else "moto"
    count = f"{name} answers {len(asked) - len(differ)} as AWS does, {len(differ)} otherwise"
    return f"{count}." if len(asked) == len(ALL) else f"{count}; {len(ALL) - len(asked)} are not asked."


def _row(check: Check) -> str:
    here = check.known["embedded"].words if "embedded" in check.known else "the same"
    moto = ("otherwise" if check.asked("moto") else "not asked") if "moto" in check.known else "the same"
    cells = (check.id, check.text, here, moto)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
