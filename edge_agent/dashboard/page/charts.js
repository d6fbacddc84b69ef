// Trends, the glucose cone and the time in range, as SVG with words for who can't see them.
const LEFT = 34, DAY_S = 86400;
const COLOURS = { MDC_ECG_HEART_RATE: "--ecg", MDC_PULS_OXIM_SAT_O2: "--spo2", MDC_CONC_GLU_ISF: "--glucose" };

const svg = (name, attributes, text) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
};

function size(figure) {
  const plot = figure.querySelector(".plot");
  return [Math.max(120, plot.clientWidth), figure.classList.contains("wide") ? 112 : 88];
}

function frame(figure, low, high, words, marks) {
  const [W, H] = size(figure);
  const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": words });
  const y = (value) => H - 14 - (value - low) / (high - low) * (H - 22);
  for (const value of [low, high]) {
    picture.append(svg("line", { x1: LEFT, x2: W, y1: y(value), y2: y(value), class: "grid" }),
      svg("text", { x: 2, y: y(value) + 4 }, Math.round(value)));
  }
  for (const [x, text] of marks) picture.append(svg("text", { x, y: H - 1, "text-anchor": "middle" }, text));
  figure.querySelector(".plot").replaceChildren(picture);
  return { picture, y };
}

function none(figure) {
  const words = document.createElement("p");
  words.className = "none";
  words.textContent = "No values yet.";
  figure.querySelector(".plot").replaceChildren(words);
}

function path(points, x, y, longest) {
  let d = "", before = null;
  for (const [ago, value] of points) {
    if (value === null) { before = null; continue; }
    const go = before !== null && before - ago <= longest ? "L" : "M";
    d += `${go}${x(ago).toFixed(1)} ${y(value).toFixed(1)}`;
    before = ago;
  }
  return d;
}

export function drawTrend(figure, points) {
  const values = points.map(([, value]) => value).filter((value) => value !== null);
  if (values.length < 2) { none(figure); return; }
  const code = figure.dataset.trend;
  const isOxygen = code === "MDC_PULS_OXIM_SAT_O2";
  const low = Math.min(isOxygen ? 85 : 50, ...values), high = Math.max(isOxygen ? 100 : 110, ...values);
  const [W] = size(figure);
  const span = Math.min(DAY_S, Math.max(3600, ...points.map(([ago]) => ago)));
  const x = (ago) => W - ago / span * (W - LEFT);
  const name = figure.querySelector("figcaption").textContent;
  const words = `${name}: from ${Math.min(...values)} to ${Math.max(...values)}, now ${values.at(-1)}`;
  const hours = (span / 3600).toFixed(0);
  const { picture, y } = frame(figure, low, high, words, [[LEFT + 20, `-${hours} h`], [W - 16, "now"]]);
  picture.append(svg("path", { d: path(points, x, y, 200), class: "line", stroke: `var(${COLOURS[code]})` }));
}

export function drawGlucose(figure, points, forecasts) {
  const ahead = forecasts.filter((one) => one.unit === "mg/dL").sort((a, b) => a.horizon_min - b.horizon_min);
  const recent = points.filter(([ago]) => ago < 6 * 3600);
  figure.hidden = points.length === 0 && ahead.length === 0;
  if (recent.length < 1) { none(figure); return; }
  const values = [...recent.map(([, value]) => value), ...ahead.flatMap((one) => [one.low90, one.high90])];
  const low = Math.min(50, ...values), high = Math.max(250, ...values);
  const [W] = size(figure);
  const past = 6 * 3600, future = 3600;
  const x = (ago) => LEFT + (past - ago) / (past + future) * (W - LEFT);
  const last = recent.at(-1);
  const cone = ahead.map((one) => `in ${one.horizon_min} min ${Math.round(one.mean)}, 90 percent between ${Math.round(one.low90)} and ${Math.round(one.high90)}`);
  const words = `Glucose in mg/dL, now ${Math.round(last[1])}${cone.length ? `; expected ${cone.join("; ")}` : ""}`;
  const { picture, y } = frame(figure, low, high, words, [[LEFT + 16, "-6 h"], [x(0), "now"], [W - 16, "+1 h"]]);
  for (const limit of [70, 180]) picture.append(svg("line", { x1: LEFT, x2: W, y1: y(limit), y2: y(limit), class: "grid", "stroke-dasharray": "4 4" }));
  if (ahead.length) {
    const at = (one) => x(last[0] - one.horizon_min * 60);
    const up = ahead.map((one) => `${at(one)} ${y(one.high90)}`), down = ahead.map((one) => `${at(one)} ${y(one.low90)}`).reverse();
    picture.append(svg("polygon", { points: [`${x(last[0])} ${y(last[1])}`, ...up, ...down].join(" "), class: "cone", fill: "var(--glucose)" }),
      svg("path", { d: `M${x(last[0])} ${y(last[1])}` + ahead.map((one) => `L${at(one)} ${y(one.mean)}`).join(""), class: "line", stroke: "var(--glucose)", "stroke-dasharray": "5 4" }));
  }
  picture.append(svg("path", { d: path(recent, x, y, 1500), class: "line", stroke: "var(--glucose)" }));
  for (const [ago, value] of recent) picture.append(svg("circle", { cx: x(ago), cy: y(value), r: 1.6, fill: "var(--glucose)" }));
}

export function drawRange(figure, day) {
  figure.hidden = !day;
  if (!day) return;
  const parts = [["below", day.below_percent], ["inside", day.in_range_percent], ["above", day.above_percent]];
  figure.querySelector(".range-bar").replaceChildren(...parts.map(([name, share]) => {
    const part = document.createElement("i");
    part.className = name;
    part.style.width = `${share}%`;
    return part;
  }));
  figure.querySelector(".range-words").textContent = `below 70: ${day.below_percent.toFixed(0)} %, in range 70 to 180: ${day.in_range_percent.toFixed(0)} %, above: ${day.above_percent.toFixed(0)} %`;
}
