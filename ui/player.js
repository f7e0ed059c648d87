// The frame player: panes in sync, composited here, so that stepping and looks cost no script run and no request twice.
// Data: see ui/player.py. One Player an element; Streamlit calls the default export again whenever data changes.
const players = new WeakMap();
const CACHE_BYTES = 220e6;
const AHEAD = 10;

const make = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

class Player {
  constructor(root) {
    this.root = root.querySelector(".player");
    this.hidden = new Set();
    this.cache = new Map();
    this.index = 0;
    this.direction = 1;
    this.layer = document.createElement("canvas");
    const $ = (name) => this.root.querySelector(name);
    [this.panesBox, this.slider, this.readout, this.opacity] = [$(".panes"), $(".slider"), $(".readout"), $(".opacity")];
    [this.outline, this.speed, this.objects, this.curves] = [$(".outline"), $(".speed"), $(".objects"), $(".curves")];
    const acts = {
      first: () => this.show(0), last: () => this.show(this.length - 1), play: () => this.toggle(),
      back: () => this.step(-1), next: () => this.step(1),
    };
    for (const button of this.root.querySelectorAll("[data-act]"))
      button.onclick = () => {
        if (button.dataset.act !== "play") this.pause();
        acts[button.dataset.act]();
      };
    this.slider.oninput = () => {
      this.pause();
      this.show(Number(this.slider.value));
    };
    this.opacity.oninput = () => this.draw();
    // With the mouse, the arrow keys stay the frames'; by keyboard the slider keeps them.
    this.opacity.onpointerup = () => this.opacity.blur();
    this.outline.onchange = () => this.draw();
    this.onKey = (event) => this.key(event);
    // While it comes down: widgets above keep keys to themselves on its way up.
    window.addEventListener("keydown", this.onKey, true);
  }

  get length() {
    return this.data.stems.length;
  }

  update(data) {
    const before = this.data;
    this.data = data;
    if (before?.id !== data.id) {
      this.pause();
      this.forget();
      this.hidden = new Set(data.object ? data.objects.filter((id) => id !== data.object) : []);
      this.build();
      this.show(data.frame);
    } else if (before.frame !== data.frame && data.frame !== this.index) this.show(data.frame);
    else this.draw();
  }

  build() {
    const { data } = this;
    this.slider.max = String(this.length - 1);
    this.root.style.setProperty("--ratio", `${data.width} / ${data.height}`);
    this.panes = [{ key: "picture", title: "Picture", base: null, note: "" }, ...data.panes].map((pane) => {
      const figure = make("figure");
      figure.dataset.testid = `pane-${pane.key}`;
      const caption = make("figcaption", "", pane.title);
      if (pane.detail) caption.append(make("span", "", pane.detail));
      const screen = make("div", "screen");
      const canvas = make("canvas");
      canvas.setAttribute("role", "img");
      canvas.width = data.width;
      canvas.height = data.height;
      const note = make("p");
      note.setAttribute("role", "status");
      screen.append(canvas, note);
      figure.append(caption, screen);
      return { ...pane, frames: pane.frames ? new Set(pane.frames) : null, figure, canvas, note_: note };
    });
    this.panesBox.replaceChildren(...this.panes.map((pane) => pane.figure));
    this.chips = data.objects.map((id) => {
      const chip = make("button", "", "");
      chip.type = "button";
      chip.style.setProperty("--c", this.colour(id));
      chip.title = "Show or hide this object";
      const values = make("b");
      chip.append(make("i"), document.createTextNode(`object ${id}`), values);
      chip.onclick = () => {
        if (!this.hidden.delete(id)) this.hidden.add(id);
        this.drawCurves();
        this.draw();
      };
      return { id, chip, values };
    });
    this.objects.replaceChildren(...this.chips.map((item) => item.chip));
    this.drawCurves();
  }

  colour(id) {
    return this.data.colours[(id - 1) % this.data.colours.length];
  }

  // --- frames

  load(index) {
    const known = this.cache.get(index);
    if (known) {
      this.cache.delete(index);
      this.cache.set(index, known);
      return known;
    }
    const { data } = this;
    const stop = new AbortController();
    const url = (path) => new URL(path, document.baseURI);
    const entry = { stop, ready: false, masks: {} };
    const work = [
      pictureOf(url(data.pictures.base + encodeURIComponent(data.pictures.files[index])), stop.signal)
        .then((bitmap) => { entry.picture = bitmap; })
        .catch((error) => { entry.problem = error.message; }),
    ];
    for (const pane of data.panes) {
      if (!pane.base || (pane.frames && !pane.frames.includes(index))) continue;
      work.push(
        maskOf(url(`${pane.base}${encodeURIComponent(data.stems[index])}.png`), stop.signal)
          .then((mask) => { entry.masks[pane.key] = mask; })
          .catch((error) => { entry.masks[pane.key] = { problem: error.message }; }),
      );
    }
    entry.done = Promise.all(work).then(() => {
      entry.ready = true;
      // What failed is asked for again next time: the network or a running worker may have been the reason.
      if (entry.problem || Object.values(entry.masks).some((mask) => mask.problem)) this.cache.delete(index);
      return entry;
    });
    this.cache.set(index, entry);
    const most = Math.max(AHEAD + 4, Math.floor(CACHE_BYTES / (data.width * data.height * (4 + data.panes.length))));
    for (const [old, item] of this.cache) {
      if (this.cache.size <= most) break;
      if (Math.abs(old - this.index) <= AHEAD) continue;
      item.picture?.close();
      this.cache.delete(old);
    }
    return entry;
  }

  forget() {
    for (const item of this.cache.values()) {
      item.stop.abort();
      item.picture?.close();
    }
    this.cache.clear();
    clearTimeout(this.urlTimer);
  }

  async show(index) {
    if (!this.data || !Number.isFinite(index)) return;
    const target = Math.min(Math.max(Math.round(index), 0), this.length - 1);
    if (target !== this.index) this.direction = Math.sign(target - this.index);
    this.index = target;
    this.root.dataset.ready = "false";
    this.slider.value = String(target);
    this.readout.textContent = `${target} of ${this.length - 1}  (${this.data.stems[target]})`;
    this.mark();
    this.remember();
    const { id } = this.data;
    const entry = await this.load(target).done;
    if (this.gone || this.index !== target || this.data.id !== id) return;
    this.entry = entry;
    this.draw();
    this.root.dataset.frame = String(target);
    this.root.dataset.ready = "true";
    for (let k = 1; k <= AHEAD; k += 1)
      for (const near of k <= 3 ? [target + k * this.direction, target - k * this.direction] : [target + k * this.direction])
        if (near >= 0 && near < this.length) this.load(near);
  }

  step(by) {
    this.show(this.index + by);
  }

  toggle() {
    if (this.playing) {
      this.pause();
      return;
    }
    if (this.index === this.length - 1) this.show(0);
    this.playing = true;
    this.root.classList.add("playing");
    this.playLabel("Pause");
    let due = performance.now();
    const tick = (now) => {
      if (!this.playing) return;
      const gap = 1000 / Number(this.speed.value);
      if (now >= due + gap) {
        if (this.index >= this.length - 1) {
          this.pause();
          return;
        }
        // Wait for what is late rather than skip: every frame is shown.
        if (this.load(this.index + 1).ready && this.root.dataset.ready === "true") {
          due = Math.max(due + gap, now - gap);
          this.step(1);
        }
      }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.root.classList.remove("playing");
    this.playLabel("Play");
    this.remember();
  }

  playLabel(text) {
    this.root.querySelector(".play").setAttribute("aria-label", text);
  }

  // The address always leads back to this very frame; not while playing: browsers refuse too many changes.
  remember() {
    clearTimeout(this.urlTimer);
    if (this.playing) return;
    this.urlTimer = setTimeout(() => {
      const url = new URL(window.location.href);
      if (url.searchParams.get("frame") === String(this.index)) return;
      url.searchParams.set("frame", String(this.index));
      window.history.replaceState(window.history.state, "", url);
    }, 250);
  }

  key(event) {
    const at = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || at?.isContentEditable) return;
    const tag = at?.tagName;
    // A selectbox that was just used keeps the focus; closed, it has no use for Left and Right.
    const closed = at?.getAttribute?.("aria-expanded") === "false" && /^Arrow(Left|Right)$/.test(event.key);
    const ours = at === this.slider || at?.type === "checkbox" || closed;
    if (tag === "TEXTAREA" || tag === "SELECT" || (tag === "INPUT" && !ours)) return;
    if (!closed && at?.closest?.('[role="combobox"], [role="listbox"], [role="tablist"]')) return;
    const far = event.shiftKey ? 10 : 1;
    const keys = {
      ArrowLeft: () => this.step(-far), ArrowRight: () => this.step(far),
      Home: () => this.show(0), End: () => this.show(this.length - 1),
      " ": () => this.toggle(),
      o: () => { this.outline.checked = !this.outline.checked; this.draw(); },
    };
    if (!(event.key in keys) || (event.key === " " && (tag === "BUTTON" || at.type === "checkbox"))) return;
    event.preventDefault();
    if (event.key !== " " && event.key !== "o") this.pause();
    keys[event.key]();
  }

  // --- drawing

  draw() {
    const { entry, data } = this;
    if (!entry) return;
    const look = {
      colours: data.colours, opacity: Number(this.opacity.value) / 100, outline: this.outline.checked, hidden: this.hidden,
    };
    for (const pane of this.panes) {
      const context = pane.canvas.getContext("2d");
      let note = pane.note ?? "";
      if (entry.picture) context.drawImage(entry.picture, 0, 0, data.width, data.height);
      else {
        context.clearRect(0, 0, data.width, data.height);
        note = entry.problem ?? "";
      }
      if (pane.base) {
        const mask = entry.masks[pane.key];
        if (!mask) note = pane.missing;
        else if (mask.problem) note = mask.problem;
        else {
          paint(this.layer, mask, look);
          context.imageSmoothingEnabled = false;
          context.drawImage(this.layer, 0, 0, data.width, data.height);
        }
      }
      pane.note_.textContent = note;
      pane.canvas.setAttribute("aria-label", `${pane.title}, video ${data.video}, frame ${data.stems[this.index]}. ${note}`);
    }
  }

  drawCurves() {
    const { data } = this;
    this.charts = [];
    if (!data.curves.length) {
      this.curves.replaceChildren(...(data.scoreNote ? [make("p", "scorenote", data.scoreNote)] : []));
      this.mark();
      return;
    }
    const last = Math.max(this.length - 1, 1);
    const longest = Math.max(...data.measures.flatMap((name) => name.split(" ").map((word) => word.length)));
    this.curves.style.setProperty("--name", `${Math.max(2.6, 0.5 * longest)}rem`);
    for (const [key, name] of [["j", data.measures[0]], ["f", data.measures[1]]]) {
      const chart = make("div", "chart");
      const label = make("div", "name");
      label.append(make("span", "", "1"), make("b", "", name), make("span", "", "0"));
      const plot = make("div", "plot");
      plot.dataset.testid = `curve-${key}`;
      plot.setAttribute("role", "img");
      plot.setAttribute("aria-label", `${name} of each object over the frames of ${data.video}; the mark is the frame shown`);
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("viewBox", "0 0 1000 100");
      svg.setAttribute("preserveAspectRatio", "none");
      const dots = [];
      for (const curve of data.curves) {
        if (this.hidden.has(curve.object)) continue;
        const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
        line.setAttribute("points", curve.frames.map((frame, i) => `${(1000 * frame) / last},${100 - 100 * curve[key][i]}`).join(" "));
        line.setAttribute("stroke", this.colour(curve.object));
        svg.append(line);
        const dot = make("div", "dot");
        dot.style.setProperty("--c", this.colour(curve.object));
        dots.push({ dot, values: new Map(curve.frames.map((frame, i) => [frame, curve[key][i]])) });
      }
      const mark = make("div", "mark");
      mark.dataset.testid = `mark-${key}`;
      plot.append(svg, mark, ...dots.map((item) => item.dot));
      const scrub = (event) => {
        const box = plot.getBoundingClientRect();
        this.pause();
        this.show(((event.clientX - box.left) / box.width) * last);
      };
      plot.onpointerdown = (event) => {
        plot.setPointerCapture(event.pointerId);
        scrub(event);
      };
      plot.onpointermove = (event) => { if (event.buttons) scrub(event); };
      chart.append(label, plot);
      this.charts.push({ chart, mark, dots });
    }
    this.curves.replaceChildren(...this.charts.map((item) => item.chart));
    this.mark();
  }

  mark() {
    const left = `${(100 * this.index) / Math.max(this.length - 1, 1)}%`;
    for (const { mark, dots } of this.charts ?? []) {
      mark.style.left = left;
      for (const { dot, values } of dots) {
        const value = values.get(this.index);
        dot.style.display = value === undefined ? "none" : "";
        if (value !== undefined) {
          dot.style.left = left;
          dot.style.top = `${100 - 100 * value}%`;
        }
      }
    }
    for (const { id, chip, values } of this.chips ?? []) {
      chip.setAttribute("aria-pressed", String(!this.hidden.has(id)));
      const curve = this.data.curves.find((item) => item.object === id);
      const at = curve ? curve.frames.indexOf(this.index) : -1;
      const [first, second] = this.data.measures;
      values.textContent = at < 0 ? "" : `${first} ${curve.j[at].toFixed(3)}  ${second} ${curve.f[at].toFixed(3)}`;
    }
  }

  close() {
    this.gone = true;
    this.pause();
    this.forget();
    window.removeEventListener("keydown", this.onKey, true);
  }
}

export default function (component) {
  const { data, parentElement } = component;
  let player = players.get(parentElement);
  if (!player) {
    player = new Player(parentElement);
    players.set(parentElement, player);
  }
  player.update(data);
  return () => {
    player.close();
    players.delete(parentElement);
  };
}
