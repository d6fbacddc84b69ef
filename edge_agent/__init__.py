"""Edge gateway agent for bedside and home hubs."""

__version__ = "0.1.0"
