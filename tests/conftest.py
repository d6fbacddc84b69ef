"""Settings of every test: property tests draw the same examples each time, and never by the clock.

To look further than the fixed examples: ``pytest --hypothesis-profile=explore``.

A shell that starts a job in the background (``make test &``) makes it ignore Ctrl-C, and with it
all that the job starts. Tests press Ctrl-C on processes of theirs, so these listen to it again.
"""

import signal

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("fixed")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
