"""The demo: a real hub process against mock sensors, a real collector and a link that is cut."""
