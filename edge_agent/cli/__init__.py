"""The ``edge-agent`` command: one module per command, loaded when it is called."""


def main() -> None:
    """Run the command line."""
