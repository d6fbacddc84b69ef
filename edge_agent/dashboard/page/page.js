// The bedside page: listens to the hub, and shows what it says.
import { Sweep } from "./sweep.js";
import { drawTrend, drawGlucose, drawRange } from "./charts.js";
import { showAlarms, showPause, order } from "./alarms.js";
import { Sound } from "./sound.js";

const SILENT_MS = 5000;
const TILES = [
  ["MDC_ECG_HEART_RATE", "Heart rate", "heart", 0],
  ["MDC_PULS_OXIM_SAT_O2", "SpO2", "spo2", 0],
  ["MDC_CONC_GLU_ISF", "Glucose", "glucose", 0],
  ["MDC_RESP_RATE", "Respiration", "breath", 0],
  ["MDC_PULS_OXIM_PULS_RATE", "Pulse", "spo2", 0],
  ["MDC_PRESS_BLD_NONINV_SYS", "Systolic", "heart", 0],
  ["MDC_TEMP_BODY", "Temperature", "breath", 1],
];
const UNITS = { "/min": "per min", "Cel": "°C", "mm[Hg]": "mmHg", "[ppm]": "ppm", "ug/m3": "µg/m³" };

const beds = new Map();
const sound = new Sound(document.getElementById("sound"));
let heardAt = 0;
let spoken = "";

const words = (unit) => UNITS[unit] ?? unit.replace(/[[\]]/g, "");
const age = (s) => s < 100 ? `${Math.round(s)} s` : s < 6000 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`;

function bedOf(name) {
  if (!beds.has(name)) {
    const section = document.getElementById("bed").content.firstElementChild.cloneNode(true);
    section.dataset.bed = name;
    document.getElementById("beds").append(section);
    const title = section.querySelector(".bed-name");
    title.id = `bed-title-${beds.size}`;
    section.setAttribute("aria-labelledby", title.id);
    section.querySelector(".pause-button").addEventListener("click", () => {
      const paused = beds.get(name).paused;
      order(paused ? { order: "resume", bed: name } : { order: "pause", bed: name, minutes: 2 });
    });
    const sweep = new Sweep(section.querySelector("canvas"), section.querySelector(".lead-off"),
      section.querySelector(".ecg"));
    beds.set(name, { section, sweep, paused: false, glucose: [], status: null });
  }
  return beds.get(name);
}

function showTiles(bed, status) {
  const known = new Map(status.variables.filter((one) => one.domain === "subject").map((one) => [one.code, one]));
  const box = bed.section.querySelector(".tiles");
  for (const [code, title, kind, digits] of TILES) {
    const one = known.get(code);
    let tile = box.querySelector(`[data-code="${code}"]`);
    if (!one) { tile?.remove(); continue; }
    if (!tile) {
      tile = document.createElement("div");
      tile.className = "tile"; tile.dataset.code = code; tile.dataset.kind = kind;
      tile.innerHTML = '<div class="name"></div><div class="value"></div><div class="about"></div><div class="quality" role="img"><i></i></div>';
      tile.querySelector(".name").textContent = `${title}, ${words(one.unit)}`;
      box.append(tile);
    }
    const shown = one.value === null || one.stale ? "--" : one.value.toFixed(digits);
    tile.classList.toggle("stale", one.stale);
    tile.classList.toggle("doubtful", !one.stale && (one.quality < 0.5 || one.state !== "measured"));
    tile.querySelector(".value").textContent = shown;
    const state = one.stale ? "no new value" : one.state === "measured" ? "" : one.state.replace("-", " ");
    const last = one.stale && one.value !== null ? `last ${one.value.toFixed(digits)}` : "";
    tile.querySelector(".about").textContent = [state, last, `${age(one.age_s)} ago`, one.sensor].filter(Boolean).join(", ");
    const percent = Math.round(100 * one.quality);
    tile.querySelector(".quality i").style.width = `${percent}%`;
    tile.querySelector(".quality").setAttribute("aria-label", `quality ${percent} percent`);
  }
}

function showRoom(bed, status) {
  const list = bed.section.querySelector(".room-values");
  const values = status.variables.filter((one) => one.domain === "room" && one.value !== null);
  bed.section.querySelector(".room").hidden = values.length === 0;
  list.replaceChildren(...values.map((one) => {
    const item = document.createElement("li");
    const digits = one.unit === "Cel" ? 1 : 0;
    const name = one.title.replace(/^room /, "");
    item.textContent = `${name}: ${one.stale ? `no new value (last ${one.value.toFixed(digits)})` : `${one.value.toFixed(digits)} ${words(one.unit)}`}`;
    return item;
  }));
}

function showList(id, lines, none) {
  document.getElementById(id).replaceChildren(...(lines.length ? lines : [[none, false]]).map(([text, trouble]) => {
    const item = document.createElement("li");
    item.textContent = text;
    item.classList.toggle("trouble", trouble);
    return item;
  }));
}

function showHub(picture) {
  const status = picture.status;
  const battery = new Map();
  for (const bed of status.beds) for (const one of bed.variables) {
    if (one.title === "battery" && one.value !== null) battery.set(one.sensor, one.value);
  }
  const trouble = Map.groupBy ? Map.groupBy(picture.trouble, (one) => one.sensor) : new Map();
  showList("sensors", status.sensors.flatMap((one) => {
    const parts = [`${one.name}: ${one.connected ? "connected" : "not connected"}`];
    if (battery.has(one.name)) parts.push(`battery ${battery.get(one.name).toFixed(0)} %`);
    if (one.last_frame_age_s !== null) parts.push(`heard ${age(one.last_frame_age_s)} ago`);
    return [[parts.join(", "), false], ...(trouble.get(one.name) ?? []).map((each) => [`${one.name}: ${each.words}`, true])];
  }), "No sensor is configured.");
  const delivery = [];
  if (status.store) delivery.push([`${status.store.buffered} records wait here, ${status.store.delivered} delivered`, false]);
  if (status.store?.last_error) delivery.push([status.store.last_error, true]);
  if (status.uplink) delivery.push(status.uplink.connected ? ["The clinic is reached.", false]
    : [`The clinic is not reached: ${status.uplink.last_error || "not tried yet"}. Nothing is lost meanwhile.`, true]);
  showList("delivery", delivery, "No clinic is configured: nothing is kept.");
  showList("lost", picture.lost.map((one) => [`${one.count} ${one.what}: ${one.why}`, false]), "Nothing was lost.");
}

function show(picture) {
  heardAt = performance.now();
  document.getElementById("clock").textContent = new Date(picture.utc_ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  const present = new Set();
  const urgent = [];
  for (const status of picture.status.beds) {
    const bed = bedOf(status.bed);
    bed.status = status;
    present.add(status.bed);
    bed.section.querySelector(".bed-name").textContent = status.bed ? `Bed ${status.bed}` : "Bed";
    bed.paused = showPause(bed.section, status.pause);
    showAlarms(bed.section, status.alarms);
    showTiles(bed, status);
    showRoom(bed, status);
    drawRange(bed.section.querySelector(".range"), status.glycaemia.find((one) => one.hours === 24));
    drawGlucose(bed.section.querySelector('[data-trend="MDC_CONC_GLU_ISF"]'), bed.glucose, status.forecasts);
    for (const one of status.alarms) {
      if (one.phase !== "acknowledged") urgent.push({ ...one, bed: status.bed });
    }
  }
  for (const [name, bed] of beds) if (!present.has(name)) { bed.section.remove(); beds.delete(name); }
  showHub(picture);
  sound.play(urgent.filter((one) => !one.silent));
  const said = urgent.filter((one) => one.priority === "high").map((one) => `${one.bed ? `Bed ${one.bed}: ` : ""}${one.title}`).join(". ");
  if (said !== spoken) document.getElementById("spoken").textContent = spoken = said;
}

function showLink() {
  const link = document.getElementById("link");
  const isUp = performance.now() - heardAt < SILENT_MS && heardAt > 0;
  link.textContent = isUp ? "Live" : "The hub does not answer: what is shown is old";
  link.classList.toggle("down", !isUp);
  document.body.classList.toggle("old", !isUp);
}

async function fetchTrends() {
  try {
    const answer = await fetch("/trends");
    if (!answer.ok) return;
    for (const [name, trends] of Object.entries(await answer.json())) {
      const bed = bedOf(name);
      bed.glucose = trends.MDC_CONC_GLU_ISF;
      for (const code of ["MDC_ECG_HEART_RATE", "MDC_PULS_OXIM_SAT_O2"]) {
        drawTrend(bed.section.querySelector(`[data-trend="${code}"]`), trends[code] ?? []);
      }
    }
  } catch { /* the hub is away; the line above says so, and the next look comes by itself */ }
}

function listen() {
  const source = new EventSource("/live");
  source.addEventListener("state", (event) => show(JSON.parse(event.data)));
  source.addEventListener("wave", (event) => { const one = JSON.parse(event.data); bedOf(one.bed).sweep.add(one); });
  source.addEventListener("beat", (event) => { const one = JSON.parse(event.data); bedOf(one.bed).sweep.beat(one.at_s); });
  source.addEventListener("open", fetchTrends);
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  });
}

const theme = document.getElementById("theme");
function setTheme(isDay) {
  document.documentElement.classList.toggle("day", isDay);
  theme.textContent = isDay ? "Night" : "Day";
  theme.setAttribute("aria-pressed", String(isDay));
  localStorage.setItem("day", isDay ? "yes" : "no");
}
theme.addEventListener("click", () => setTheme(!document.documentElement.classList.contains("day")));
setTheme(localStorage.getItem("day") === "yes");

listen();
setInterval(showLink, 1000);
setInterval(fetchTrends, 60000);
