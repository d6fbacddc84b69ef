"""The pictures of the page in docs/: ``python -m tests.dashboard.screenshots DIR``.

A made-up person on a real hub, in a real Chromium; nobody's values.
"""

import asyncio
import contextlib
import sys
import tempfile
from pathlib import Path

from tests.dashboard.browser import Person, chromium, lived_a_day, watched
from tests.dashboard.conftest import ONE_BED, PageHub

_ALARM = "[alarms]\nspo2_delay_s = 0\n"
_TWO = ONE_BED.replace("[subject]", "[[subject]]").replace(
    "[page]", f'[[subject]]\npseudonym = "{"f" * 32}"\nbed = "4"\n[page]'
)
_SENSORS = "".join(
    f'[[sensor]]\nname = "{name}{bed}"\ndriver = "{driver}"\n{where}\nbed = "{bed}"\n'
    for bed in "34"
    for name, driver, where in (
        ("patch-", "polar-pmd", f'address = "A0:9E:1A:00:00:0{bed}"'),
        ("oximeter-", "nonin-2", f'port = "none{bed}"'),
        ("cgm-", "cgm", f'address = "C0:00:00:00:00:0{bed}"'),
    )
)
SHOTS = (
    ("night", (1280, 800), ONE_BED, {}, False),
    ("day", (1280, 800), ONE_BED, {}, True),
    ("alarm-7-inch", (800, 480), ONE_BED + _ALARM, {"spo2": 82.0}, False),
    ("phone", (390, 844), ONE_BED, {}, False),
    ("two-beds", (1440, 900), _TWO + _SENSORS, {}, False),
)


async def shoot(folder):
    """Take every picture into ``folder``."""
    for name, size, config, values, is_day in SHOTS:
        with tempfile.TemporaryDirectory() as place:
            page = PageHub(Path(place))
            page.config = config
            async with page.hub() as agent, contextlib.AsyncExitStack() as stack:
                for bed in agent.beds:
                    ends = f"-{bed.subject.bed}" if len(agent.beds) > 1 else ""
                    sensors = tuple(f"{one}{ends}" for one in ("patch", "oximeter", "cgm"))
                    sensors = (*sensors, sensors[1])
                    lived_a_day(agent, bed, sensors)
                    await stack.enter_async_context(watched(agent, Person(**values), sensors))
                starting = chromium(f"{place}/profile", size)
                browser = await asyncio.to_thread(starting.__enter__)
                await browser.open(page.url)
                if is_day:
                    await browser.click("#theme")
                await asyncio.sleep(15)  # a screen full of heartbeats
                file = str(folder / f"page-{name}.png")
                await asyncio.to_thread(browser.driver.save_screenshot, file)
                await asyncio.to_thread(starting.__exit__, None, None, None)
                sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    asyncio.run(shoot(Path(sys.argv[1])))
