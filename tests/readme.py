"""The part of the README that is made from the drivers: ``python -m tests.readme`` writes it."""

from pathlib import Path

from edge_agent import shelf

PAGE = Path(__file__).parents[1] / "README.md"
BEGIN = "<!-- made by `make readme` from the installed drivers -->\n"
END = "<!-- end of what is made -->\n"


def expected() -> str:
    """Return the page with its list of drivers as they are now."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise SystemExit(f"{PAGE.name} has lost its marks")
    return before + BEGIN + shelf.markdown(shelf.families()) + END + after


if __name__ == "__main__":
    PAGE.write_text(expected(), encoding="utf-8")
