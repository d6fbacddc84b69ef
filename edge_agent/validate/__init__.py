"""What the signal processing is worth: measured on recordings, beside other software, in one run.

``edge-agent validate`` writes one report for each kind of signal: Markdown with plots for people,
JSON for programs. A :class:`~edge_agent.validate.section.Section` measures one thing and gives
tables, plots and verdicts; :mod:`~edge_agent.validate.report` sets them on a page. A new section
is a module and a line in its list.

Works with numpy alone, as the hub does. What it reads recordings with (wfdb), draws with
(matplotlib) and compares with comes from the extra ``bench`` and is loaded where it is used.
"""
