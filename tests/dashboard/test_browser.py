"""The bedside page in a real Chromium: what it shows is what the hub knows."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from edge_agent import codes
from tests.dashboard.browser import Person, chromium, lived_a_day, watched

pytestmark = [
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        shutil.which("chromium") is None or shutil.which("chromedriver") is None,
        reason="no chromium and chromedriver here: make .venv/.dev-ready installs them",
    ),
]
AXE = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
SEEN = ".alarm .title"


@pytest.fixture
async def browser(tmp_path):
    starting = chromium(tmp_path / "profile")
    opened = await asyncio.to_thread(starting.__enter__)
    yield opened
    await asyncio.to_thread(starting.__exit__, None, None, None)


async def test_values_curve_and_beats_are_those_of_the_hub(page_hub, browser):
    async with page_hub.hub() as agent, watched(agent, Person(spo2=93.0, glucose=141.0)):
        await browser.open(page_hub.url)
        await browser.until(lambda: browser.value(codes.SPO2) == "93")
        await browser.until(lambda: browser.value(codes.GLUCOSE) == "141")
        await browser.until(lambda: browser.value(codes.HEART_RATE) not in {"", "--"})
        (bed,) = (await agent.status()).beds
        known = {one.code: one.value for one in bed.variables}
        shown = float(await asyncio.to_thread(browser.value, codes.HEART_RATE))
        assert abs(shown - known[codes.HEART_RATE.refid]) <= 1.0
        marks = 'return document.querySelector("canvas").dataset.beats ?? "0"'
        await browser.until(lambda: int(browser.driver.execute_script(marks)) >= 3)
        ink = (
            "const c = document.querySelector('canvas');"
            "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            "return d.reduce((n, v, i) => n + (i % 4 === 3 && v > 0 ? 1 : 0), 0)"
        )
        await browser.until(lambda: browser.driver.execute_script(ink) > 500)
        assert "CO2: 780 ppm" in await asyncio.to_thread(browser.text, ".room-values")
        assert await asyncio.to_thread(browser.errors) == []


async def test_an_alarm_shows_within_a_second_and_is_acknowledged_and_paused(page_hub, browser):
    page_hub.config += "[alarms]\nspo2_delay_s = 0\n"
    async with page_hub.hub() as agent, watched(agent, Person()) as person:
        await browser.open(page_hub.url)
        await browser.until(lambda: browser.value(codes.SPO2) == "97")
        engine = agent.beds[0].pipeline.alarms
        person.spo2 = 80.0
        while not any(one.rule == "spo2-low" for one in engine.active):
            await asyncio.sleep(0.005)
        await browser.until(lambda: any("SpO2 low" in one for one in browser.texts(SEEN)))
        assert "!!! high" in await asyncio.to_thread(browser.texts, ".alarm .sign")
        spoken = await asyncio.to_thread(
            browser.driver.execute_script, "return document.getElementById('spoken').textContent"
        )
        assert spoken == "Bed 3: SpO2 low"
        await browser.click(".alarm button")
        await browser.until(lambda: any("seen by the bedside page" in one
                                        for one in browser.texts(SEEN)))  # fmt: skip
        (alarm,) = [one for one in engine.active if one.rule == "spo2-low"]
        assert (alarm.phase, alarm.by) == ("acknowledged", "the bedside page")
        await browser.click(".pause-button")
        await browser.until(lambda: "Sound paused by the bedside page, 1:5"
                            in browser.text(".pause-left"))  # fmt: skip
        assert engine.paused is not None
        await browser.click(".pause-button")
        await browser.until(lambda: browser.text(".pause-left") == "")
        assert engine.paused is None
        assert await asyncio.to_thread(browser.errors) == []


async def test_a_lead_that_is_off_and_a_stale_value_are_told_apart_from_good_ones(
    page_hub, browser
):
    async with page_hub.hub() as agent:
        async with watched(agent, Person()) as person:
            await browser.open(page_hub.url)
            await browser.until(lambda: browser.value(codes.SPO2) == "97")
            person.lead_is_off = True
            await browser.until(lambda: "Lead off" in browser.text(".lead-off"))
        await browser.until(lambda: browser.value(codes.SPO2) == "--")
        about = f'[data-code="{codes.SPO2.refid}"] .about'
        assert "no new value, last 97" in await asyncio.to_thread(browser.text, about)


async def test_the_page_says_that_the_hub_is_gone_and_recovers_by_itself(page_hub, browser):
    async with page_hub.hub() as agent, watched(agent, Person(spo2=95.0)):
        await browser.open(page_hub.url)
        await browser.until(lambda: browser.value(codes.SPO2) == "95")
    await browser.until(lambda: "does not answer" in browser.text("#link"))
    async with page_hub.hub() as agent, watched(agent, Person(spo2=91.0)):
        await browser.until(lambda: browser.text("#link") == "Live")
        await browser.until(lambda: browser.value(codes.SPO2) == "91")


async def test_several_beds_are_on_one_page_each_with_its_own(page_hub, browser):
    page_hub.config = page_hub.config.replace("[subject]", "[[subject]]").replace(
        "[page]", f'[[subject]]\npseudonym = "{"f" * 32}"\nbed = "4"\n[page]'
    )
    sensors = "".join(
        f'[[sensor]]\nname = "{name}{bed}"\ndriver = "{driver}"\n{where}\nbed = "{bed}"\n'
        for bed in "34"
        for name, driver, where in (
            ("patch", "polar-pmd", f'address = "A0:9E:1A:00:00:0{bed}"'),
            ("oximeter", "nonin-2", f'port = "none{bed}"'),
        )
    )
    page_hub.config += sensors
    async with page_hub.hub() as agent:
        for bed, value in (("3", 97.0), ("4", 92.0)):
            names = (f"patch{bed}", f"oximeter{bed}", f"patch{bed}", f"oximeter{bed}")
            one = watched(agent, Person(spo2=value), names)
            await one.__aenter__()
            page_hub.stack.push_async_exit(one)
        await browser.open(page_hub.url)
        await browser.until(lambda: browser.value(codes.SPO2, "3") == "97")
        await browser.until(lambda: browser.value(codes.SPO2, "4") == "92")
        assert await asyncio.to_thread(browser.texts, ".bed-name") == ["Bed 3", "Bed 4"]
        await page_hub.stack.aclose()


@pytest.mark.parametrize("theme", ["night", "day"])
async def test_no_barrier_that_axe_core_finds(page_hub, browser, theme):
    """WCAG 2.2 A and AA, at night and by day, with alarms, charts and tiles on the page."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: make .venv/.dev-ready does it")
    page_hub.config += "[alarms]\nspo2_delay_s = 0\n"
    async with page_hub.hub() as agent:
        lived_a_day(agent, agent.beds[0])
        async with watched(agent, Person(spo2=80.0)):
            await browser.open(page_hub.url)
            if theme == "day":
                await browser.click("#theme")
            await browser.until(lambda: any("SpO2 low" in one for one in browser.texts(SEEN)))
            await browser.until(
                lambda: len(browser.driver.find_elements("css selector", "svg")) >= 3
            )
            await asyncio.to_thread(browser.driver.execute_script, AXE.read_text())
            tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
            found = await browser.run(
                "const done = arguments[1]; axe.run({runOnly: arguments[0]}).then(done)", tags
            )
    broken = [(one["id"], one["impact"], one["nodes"][0]["html"][:200],
               one["nodes"][0]["any"][:1]) for one in found["violations"]]  # fmt: skip
    assert broken == [], json.dumps(broken, indent=1)
    assert found["passes"]


async def test_it_can_be_used_with_the_keyboard_alone(page_hub, browser):
    page_hub.config += "[alarms]\nspo2_delay_s = 0\n"
    async with page_hub.hub() as agent, watched(agent, Person(spo2=80.0)):
        await browser.open(page_hub.url)
        await browser.until(lambda: any("SpO2 low" in one for one in browser.texts(SEEN)))

        def tab_to_seen_and_press():
            body = browser.driver.find_element("css selector", "body")
            for _ in range(12):
                body.send_keys("\ue004")
                here = browser.driver.switch_to.active_element
                if here.text == "Seen":
                    here.send_keys("\ue007")
                    return True
            return False

        assert await asyncio.to_thread(tab_to_seen_and_press)
        await browser.until(lambda: any("seen by" in one for one in browser.texts(SEEN)))
