"""The digital twin: the state of one person, their room and their devices."""
