// Bursts of pulses by priority, in the pattern that IEC 60601-1-8 gives: 10, 3 and 1 pulses.
// No conformance is claimed: loudness and loudspeaker are the machine's.
const BURSTS = {
  high: { pulses: [0, .25, .5, 1, 1.25, 2, 2.25, 2.5, 3, 3.25], tone: 880, length: .15, every: 8 },
  medium: { pulses: [0, .4, .8], tone: 660, length: .2, every: 15 },
  low: { pulses: [0], tone: 520, length: .25, every: 30 },
};
const ORDER = ["high", "medium", "low"];

export class Sound {
  constructor(button) {
    this.context = null;
    this.lastAt = -Infinity;
    this.last = "";
    button.addEventListener("click", () => this.toggle(button));
    this.button = button;
  }

  toggle(button) {
    if (this.context) { this.context.close(); this.context = null; } else this.context = new AudioContext();
    button.setAttribute("aria-pressed", String(Boolean(this.context)));
    button.textContent = this.context ? "Sound is on: turn off" : "Sound is off: turn on";
  }

  play(alarms) {
    const priority = ORDER.find((one) => alarms.some((alarm) => alarm.priority === one));
    if (!priority) { this.last = ""; return; }
    const now = performance.now() / 1000;
    const names = alarms.map((one) => `${one.episode}${one.phase}`).join();
    const { pulses, tone, length, every } = BURSTS[priority];
    if (names === this.last && now - this.lastAt < every) return;
    this.last = names;
    this.lastAt = now;
    if (!this.context) return;
    for (const at of pulses) this.pulse(this.context.currentTime + at, tone, length);
  }

  pulse(at, tone, length) {
    const gain = this.context.createGain();
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(.5, at + .02);
    gain.gain.setValueAtTime(.5, at + length - .03);
    gain.gain.linearRampToValueAtTime(0, at + length);
    gain.connect(this.context.destination);
    for (const times of [1, 2, 3, 4]) {
      const wave = this.context.createOscillator();
      wave.frequency.value = tone * times;
      const share = this.context.createGain();
      share.gain.value = .25;
      wave.connect(share).connect(gain);
      wave.start(at);
      wave.stop(at + length);
    }
  }
}
