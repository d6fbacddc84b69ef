"""A real headless Chromium, and a person whose sensors speak to a hub on real time."""

import asyncio
import contextlib
import dataclasses
import math
import random
import time

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from edge_agent import codes
from edge_agent.model import Boottime, Observation, State, Waveform
from edge_mocks.ecg import SyntheticEcg

S = 10**9
SEED = 20261130
WAIT_S = 20.0
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--force-device-scale-factor=1",
    "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip


@contextlib.contextmanager
def chromium(folder, size=(1280, 800)):
    """Start Chromium with a profile of its own; only this process is ended."""
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*_FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


class Browser:
    """What a person does at the page; every call blocks, and is made off the hub's loop."""

    def __init__(self, driver):
        self.driver = driver

    async def open(self, url):
        await asyncio.to_thread(self.driver.get, url)
        await self.until(lambda: self.text("#link") == "Live")

    def text(self, selector):
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return found[0].text if found else ""

    def texts(self, selector):
        return [one.text for one in self.driver.find_elements(By.CSS_SELECTOR, selector)]

    def value(self, code, bed="3"):
        return self.text(f'[data-bed="{bed}"] [data-code="{code.refid}"] .value')

    async def click(self, selector):
        await asyncio.to_thread(lambda: self.driver.find_element(By.CSS_SELECTOR, selector).click())

    async def run(self, script, *arguments):
        return await asyncio.to_thread(self.driver.execute_async_script, script, *arguments)

    async def until(self, happened):
        """Wait until ``happened`` holds, looked at from a thread; return after how many seconds."""
        began = time.monotonic()
        while not await asyncio.to_thread(happened):
            assert time.monotonic() - began < WAIT_S, self.driver.page_source[:4000]
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    def errors(self):
        log = self.driver.get_log("browser")
        return [one["message"] for one in log if one["level"] in {"SEVERE", "WARNING"}]


@dataclasses.dataclass
class Person:
    """What the sensors say now; a test changes it and they say so."""

    spo2: float = 97.0
    glucose: float = 112.0
    respiration: float = 15.0
    lead_is_off: bool = False
    room_co2: float = 780.0


@contextlib.asynccontextmanager
async def watched(agent, person, sensors=("patch", "oximeter", "cgm", "room")):
    """Have the sensors of ``person`` speak: ECG four times a second, the others once."""
    patch, oximeter, cgm, room = sensors

    async def speak():
        source = SyntheticEcg(random.Random(SEED), rate_hz=130.0, heart_rate_per_min=72.0)
        start = agent.clock.boottime()
        for turn in range(10**6):
            samples = source.read(26)
            state = State.NOT_ATTACHED if person.lead_is_off else State.MEASURED
            agent.receive(
                Waveform(code=codes.ECG, samples=samples, unit_per_count=1.0, rate_hz=130.0,
                         start=Boottime(start + turn * S // 5), sensor=patch, state=state)
            )  # fmt: skip
            if turn % 5 == 0:
                for code, value, sensor in (
                    (codes.SPO2, person.spo2, oximeter), (codes.ROOM_CO2, person.room_co2, room),
                    (codes.RESPIRATION_RATE, person.respiration, patch),
                    (codes.ROOM_TEMPERATURE, 21.4, room), (codes.BATTERY, 64, patch),
                ):  # fmt: skip
                    at = agent.clock.boottime()
                    agent.receive(Observation(code=code, value=value, at=at, sensor=sensor))
            if turn % 1500 == 0:
                at = agent.clock.boottime()
                agent.receive(
                    Observation(code=codes.GLUCOSE, value=person.glucose, at=at, sensor=cgm)
                )
            ahead_s = (start + (turn + 1) * S // 5 - agent.clock.boottime()) / S
            await asyncio.sleep(max(0.0, ahead_s))

    speaking = asyncio.create_task(speak())
    try:
        yield person
    finally:
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)


def lived_a_day(agent, bed, sensors=("patch", "oximeter", "cgm", "room")):
    """Give a bed a day that has been: glucose as it was read, vital signs by the minute."""
    patch, oximeter, cgm, _ = sensors
    pipeline, trends = bed.pipeline, agent.page.trends_of(bed.subject.bed)
    now = agent.clock.boottime()
    rng = random.Random(SEED)
    for minute in range(-1440, -5):
        at = Boottime(now + minute * 60 * S)
        hour = minute / 60.0
        if minute % 5 == 0:
            meal = sum(70 * math.exp(-(((hour + ago) / 0.9) ** 2)) for ago in (16.5, 11.0, 4.2))
            value = 108 + meal + 12 * math.sin(hour) + rng.gauss(0, 2)
            one = Observation(code=codes.GLUCOSE, value=round(value, 1), at=at, sensor=cgm)
            pipeline.take(one, at)
        rest = 12 * math.cos(2 * math.pi * (hour + 6) / 24)
        heart = 68 - rest + rng.gauss(0, 2.5)
        oxygen = min(99.0, 96.5 + rng.gauss(0, 0.6) - (2 if minute % 211 == 0 else 0))
        pipeline.twin.assimilate(
            Observation(code=codes.HEART_RATE, value=heart, at=at, sensor=patch)
        )
        pipeline.twin.assimilate(Observation(code=codes.SPO2, value=oxygen, at=at, sensor=oximeter))
        trends.look(at)
