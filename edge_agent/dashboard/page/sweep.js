// The ECG at 25 mm/s and 10 mm/mV: drawn from left to right, an erasing bar ahead of the pen.
const MM_PER_S = 25, MM_PER_MV = 10, PX_PER_MM = 96 / 25.4;
const BAR_S = 0.25, KEPT_S = 20, LEAST_DELAY_S = 0.9, MOST_DELAY_S = 4;

export class Sweep {
  constructor(canvas, leadOff, figure) {
    Object.assign(this, { canvas, leadOff, figure, pieces: [], beats: [], ahead: null, drawn: null, gain: 1 });
    this.delay = LEAST_DELAY_S;
    figure.hidden = true;
    requestAnimationFrame(() => this.frame());
  }

  add(piece) {
    this.figure.hidden = false;
    this.leadOff.textContent = piece.off ? "Lead off: the heart is not watched" : "";
    const end = piece.start_s + piece.uv.length / piece.rate_hz;
    const now = performance.now() / 1000;
    // How far the newest sample is ahead of this screen's clock; late blocks make the pen wait.
    const ahead = end - now;
    if (this.ahead === null || Math.abs(ahead - this.ahead) > 5) { this.ahead = ahead; this.pieces = []; this.drawn = null; }
    this.ahead = Math.max(ahead, this.ahead - 0.002);
    this.delay = Math.min(MOST_DELAY_S, Math.max(LEAST_DELAY_S, this.ahead - ahead + piece.uv.length / piece.rate_hz + 0.3));
    const before = this.pieces.at(-1);
    const step = 1 / piece.rate_hz;
    if (before && Math.abs(before.start_s + before.uv.length / before.rate_hz - piece.start_s) < 1.5 * step) {
      piece.uv.unshift(before.uv.at(-1)); // joined: the pen does not lift between blocks
      piece.start_s -= step;
    }
    this.pieces.push(piece);
    while (this.pieces.length && this.pieces[0].start_s < end - KEPT_S) this.pieces.shift();
  }

  beat(at_s) {
    this.beats.push(at_s);
    while (this.beats.length > 60) this.beats.shift();
    this.marks = (this.marks ?? 0) + 1;
    this.canvas.dataset.beats = this.marks;
  }

  frame() {
    requestAnimationFrame(() => this.frame());
    if (this.ahead === null || this.figure.hidden) return;
    const { canvas } = this;
    const scale = devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * scale), height = Math.round(canvas.clientHeight * scale);
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; this.drawn = null; }
    if (!width) return;
    const now = performance.now() / 1000 + this.ahead - this.delay;
    const speed = MM_PER_S * PX_PER_MM * scale;
    const span = width / speed;
    if (this.drawn === null || now - this.drawn > span || now < this.drawn) this.drawn = now - 0.05;
    this.paint(this.drawn, now, speed, span, scale);
    this.drawn = now;
  }

  paint(from, to, speed, span, scale) {
    const pen = this.canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const { width, height } = this.canvas;
    const x = (t) => ((t % span) + span) % span * speed;
    const y = (uv) => height * 0.6 - uv / 1000 * MM_PER_MV * PX_PER_MM * scale * this.gain;
    const wipe = (start, length) => {
      pen.clearRect(start, 0, length, height);
      if (start + length > width) pen.clearRect(0, 0, start + length - width, height);
    };
    wipe(x(from), (to - from + BAR_S) * speed);
    pen.strokeStyle = style.getPropertyValue("--ecg");
    pen.lineWidth = 2 * scale;
    pen.lineJoin = "round";
    for (const piece of this.pieces) {
      const step = 1 / piece.rate_hz;
      if (piece.start_s > to || piece.start_s + piece.uv.length * step < from) continue;
      const first = Math.max(0, Math.floor((from - piece.start_s) / step) - 1);
      const last = Math.min(piece.uv.length - 1, Math.ceil((to - piece.start_s) / step));
      pen.setLineDash(piece.off ? [4 * scale, 6 * scale] : []);
      pen.beginPath();
      for (let i = first, before = null; i <= last; i++) {
        const at = x(piece.start_s + i * step);
        const value = piece.off ? height * 0.6 : y(piece.uv[i]);
        if (before === null || at < before) pen.moveTo(at, value); else pen.lineTo(at, value);
        before = at;
      }
      pen.stroke();
      this.follow(piece);
    }
    pen.setLineDash([]);
    pen.fillStyle = style.getPropertyValue("--ink");
    for (const at of this.beats) {
      if (at <= to && at > to - span + BAR_S + 0.1) { pen.beginPath(); pen.moveTo(x(at) - 4 * scale, 2 * scale); pen.lineTo(x(at) + 4 * scale, 2 * scale); pen.lineTo(x(at), 9 * scale); pen.fill(); }
    }
  }

  follow(piece) {
    // A tall heart would leave the screen: then 5 mm/mV, and the caption says so.
    if (piece.seen || piece.off) return;
    piece.seen = true;
    const most = Math.max(...piece.uv.map(Math.abs));
    this.peak = Math.max(most, (this.peak ?? 0) * 0.98);
    const gain = this.peak > 2200 ? 0.5 : this.peak < 350 ? 2 : 1;
    if (gain !== this.gain) {
      this.gain = gain;
      this.figure.querySelector(".ecg-scale").textContent = `25 mm/s, ${MM_PER_MV * gain} mm/mV`;
    }
  }
}
