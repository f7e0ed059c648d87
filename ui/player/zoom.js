// Zoom and pan of all panes at once: one transform for every canvas. The centre is kept in fractions of the picture.
const MOST_ZOOM = 32;

class Zoom {
  // changed() is called after each change that a person made.
  constructor(box, data, changed) {
    this.box = box;
    this.data = data;
    this.changed = changed;
    this.touches = new Map();
    this.set(1);
    box.onwheel = (event) => this.wheel(event);
    box.onpointerdown = (event) => this.grab(event);
    box.onpointermove = (event) => this.move(event);
    box.onpointerup = box.onpointercancel = (event) => this.touches.delete(event.pointerId);
    box.ondblclick = (event) => { if (event.target.closest(".screen")) this.reset(); };
    this.watcher = new ResizeObserver(() => this.apply());
    this.watcher.observe(box);
  }

  set(scale, x = 0.5, y = 0.5) {
    this.scale = Math.min(Math.max(scale, 1), MOST_ZOOM);
    const half = 0.5 / this.scale;
    this.x = Math.min(Math.max(x, half), 1 - half);
    this.y = Math.min(Math.max(y, half), 1 - half);
    this.apply();
  }

  apply() {
    const { scale, x, y } = this;
    this.box.style.setProperty("--zoom", `translate(${(0.5 - x * scale) * 100}%, ${(0.5 - y * scale) * 100}%) scale(${scale})`);
    const wide = this.box.querySelector("figure:not([hidden]) .screen")?.clientWidth ?? 0;
    const beyond = scale > 1 && scale * wide * (window.devicePixelRatio || 1) > this.data.width;
    this.box.classList.toggle("pixelated", beyond);
    this.box.classList.toggle("zoomed", scale > 1);
  }

  // Scales by `factor` and leaves what lies under the point (fractions of the screen) where it is.
  by(factor, u = 0.5, v = 0.5) {
    const scale = Math.min(Math.max(this.scale * factor, 1), MOST_ZOOM);
    const shift = 1 / this.scale - 1 / scale;
    this.set(scale, this.x + (u - 0.5) * shift, this.y + (v - 0.5) * shift);
    this.changed();
  }

  reset() {
    this.set(1);
    this.changed();
  }

  place(event) {
    const screen = event.target.closest?.(".screen");
    if (!screen) return null;
    const { left, top, width, height } = screen.getBoundingClientRect();
    return { u: (event.clientX - left) / width, v: (event.clientY - top) / height, width, height };
  }

  wheel(event) {
    const at = this.place(event);
    // At full view, turning further out scrolls the page as ever.
    if (!at || (this.scale === 1 && event.deltaY >= 0)) return;
    event.preventDefault();
    const pixels = event.deltaMode === 1 ? event.deltaY * 33 : event.deltaY;
    this.by(Math.exp(-Math.min(Math.max(pixels, -240), 240) / 300), at.u, at.v);
  }

  grab(event) {
    if (!this.place(event) || event.button) return;
    this.touches.set(event.pointerId, event);
    if (this.scale > 1) event.target.setPointerCapture?.(event.pointerId);
  }

  move(event) {
    const before = this.touches.get(event.pointerId);
    const at = this.place(event);
    if (!before || !at) return;
    this.touches.set(event.pointerId, event);
    const others = [...this.touches.values()].filter((one) => one.pointerId !== event.pointerId);
    if (others.length) {
      const far = (one) => Math.hypot(one.clientX - others[0].clientX, one.clientY - others[0].clientY);
      if (far(before) > 8) this.by(far(event) / far(before), at.u, at.v);
    } else if (this.scale > 1) {
      const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
      this.set(this.scale, this.x - dx / at.width / this.scale, this.y - dy / at.height / this.scale);
      this.changed();
    }
  }

  // The part of a picture that is seen: [x, y, width, height] in its pixels.
  seen() {
    const [width, height] = [this.data.width / this.scale, this.data.height / this.scale];
    return [this.x * this.data.width - width / 2, this.y * this.data.height - height / 2, width, height];
  }

  get text() {
    return this.scale === 1 ? "" : [this.scale.toFixed(2), this.x.toFixed(4), this.y.toFixed(4)].join(",");
  }

  close() {
    this.watcher.disconnect();
  }
}
