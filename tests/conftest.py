"""Settings of every test: property tests draw the same examples each time, and never by the clock.

To look further than the fixed examples: ``pytest --hypothesis-profile=explore``.
"""

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("fixed")
