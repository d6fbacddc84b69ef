"""The clinic's end: ingest, verify, open, write out."""

from edge_agent.collector.service import Collector, Stats

__all__ = ["Collector", "Stats"]
