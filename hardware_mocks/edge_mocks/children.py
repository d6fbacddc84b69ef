"""Child processes that neither outlive us nor hear our Ctrl-C."""

from __future__ import annotations

import shutil


def dies_with_us() -> list[str]:
    """Return a command prefix that makes the kernel kill the child when this process dies.

    Start the child in a session of its own as well: a Ctrl-C on the terminal reaches every
    process of the session, and a child that ends on its own account can't be ended in order.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
