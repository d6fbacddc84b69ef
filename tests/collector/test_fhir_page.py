from pathlib import Path

from edge_agent import codes
from edge_agent.collector.fhir.terms import mapping_table

PAGE = Path(__file__).parents[2] / "docs" / "fhir.md"
MARK = "<!-- made from edge_agent/collector/fhir/terms.py -->\n\n"


def test_the_page_lists_every_quantity_as_it_is_written():
    _, mark, table = PAGE.read_text(encoding="utf-8").partition(MARK)
    assert mark
    assert table == "\n".join(mapping_table()) + "\n"
    assert len(table.splitlines()) == len(codes.ALL) + 2
