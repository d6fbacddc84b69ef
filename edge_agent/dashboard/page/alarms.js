// Alarms by priority: sign, word and shape beside the colour; acknowledge and pause.
const SIGNS = { high: "!!! high", medium: "!! medium", low: "! low" };

export async function order(what) {
  try {
    const answer = await fetch("/order", {
      method: "POST", headers: { "X-Edge-Page": "1", "Content-Type": "application/json" },
      body: JSON.stringify(what),
    });
    const said = await answer.json();
    if (said.error) alert(said.error);
  } catch {
    alert("The hub does not answer. Nothing was changed.");
  }
}

export function showAlarms(section, alarms) {
  const list = section.querySelector(".alarms");
  const known = new Map([...list.children].map((item) => [item.dataset.episode, item]));
  for (const one of alarms) {
    const item = known.get(one.episode) ?? made(one);
    known.delete(one.episode);
    const isSeen = one.phase === "acknowledged";
    item.className = `alarm ${one.priority}${isSeen ? " seen" : ""}`;
    item.querySelector(".sign").textContent = SIGNS[one.priority];
    const notes = [one.technical ? "technical" : "", isSeen ? `seen by ${one.by || "somebody"}` : "",
      one.phase === "latched" ? "over, and nobody has seen it" : "", one.silent ? "sound paused" : ""];
    item.querySelector(".title").textContent = one.title + notes.filter(Boolean).map((note) => `, ${note}`).join("");
    item.querySelector(".evidence").textContent = one.evidence[0] ?? "";
    item.querySelector(".advice").textContent = one.advice;
    item.querySelector("button").hidden = isSeen;
    list.append(item);
  }
  for (const item of known.values()) item.remove();
}

function made(one) {
  const item = document.createElement("li");
  item.dataset.episode = one.episode;
  item.innerHTML = '<span class="sign"></span><div><div class="title"></div><div class="evidence"></div><div class="advice"></div></div><button type="button">Seen</button>';
  const button = item.querySelector("button");
  button.setAttribute("aria-label", `Seen: ${one.title}`);
  button.addEventListener("click", () => order({ order: "acknowledge", episode: one.episode }));
  return item;
}

export function showPause(section, pause) {
  const left = section.querySelector(".pause-left");
  const button = section.querySelector(".pause-button");
  const words = pause ? `Sound paused by ${pause.by}, ${clock(pause.left_s)} left` : "";
  if (left.textContent !== words) left.textContent = words;
  button.textContent = pause ? "End the pause" : "Pause sound 2 min";
  return Boolean(pause);
}

const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
