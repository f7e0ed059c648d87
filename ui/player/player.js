// The player itself: which frame is shown, how one looks at it, and playing. Data: see ui/player/player.py. One an element;
// Streamlit calls the default export again whenever data changes.
const players = new WeakMap();

class Player {
  constructor(root) {
    this.root = root.querySelector(".player");
    this.decoder = new Decoder();
    this.hidden = new Set();
    this.away = new Set();
    this.said = new Set(); // words of addresses that were written or asked for here
    [this.index, this.direction] = [0, 1];
    this.page = window.location.pathname;
    const $ = (name) => this.root.querySelector(name);
    [this.panesBox, this.slider, this.readout, this.opacity] = [$(".panes"), $(".slider"), $(".readout"), $(".opacity")];
    [this.outline, this.truth, this.speed, this.objects] = [$(".outline"), $(".truth"), $(".speed"), $(".objects")];
    [this.errorButton, this.legend, this.keysBox, this.add] = [$(".errors"), $(".legend"), $(".keys"), $(".add")];
    [this.zoomText, this.clipMenu] = [$(".zoomed-to"), $(".clipmenu")];
    [this.clips, this.clipSaid] = [$(".cliplinks"), $(".clips p")];
    const acts = {
      first: () => this.show(0), last: () => this.show(this.length - 1), play: () => this.toggle(),
      back: () => this.step(-1), next: () => this.step(1),
    };
    const rest = {
      error: () => this.setError(!this.error), keys: () => this.help(), save: () => this.save(),
      in: () => this.zoom.by(1.5), out: () => this.zoom.by(1 / 1.5), fit: () => this.zoom.reset(),
      link: (event) => this.copyLink(event.currentTarget),
      picture: () => this.flipPane("picture"), annotation: () => this.flipPane("annotation"),
    };
    for (const item of this.root.querySelectorAll("[data-act]"))
      item.onclick = (event) => {
        const name = item.dataset.act;
        if (name in acts && name !== "play") this.pause();
        (acts[name] ?? rest[name])(event);
      };
    this.slider.oninput = () => this.jump(Number(this.slider.value));
    // With the mouse, the arrow keys stay the frames'; by keyboard the slider keeps them.
    this.opacity.onpointerup = () => this.opacity.blur();
    for (const item of [this.opacity, this.outline, this.truth]) item.oninput = () => this.look();
    this.speed.onchange = () => {
      this.remember();
      this.speed.blur();
    };
    this.add.onchange = () => this.beside([...this.runs, Number(this.add.value)]);
    this.clipMenu.ontoggle = () => {
      this.drawClips();
      if (!this.clipMenu.open && !this.making) this.clipSaid.textContent = "";
    };
    this.bound = [bindKeys(this), watchReturns(this)];
  }

  get length() {
    return this.data.stems.length;
  }

  update(data, ask) {
    const before = this.data;
    const other = before?.video !== data.video;
    // The page repeats what was written or asked for here: older than what is seen, as none is written in play.
    const echo = !other && this.said.has(wordsOf(window.location.href));
    const back = hasReturned(this, data);
    const asked = (name) => back || (!echo && JSON.stringify(before?.[name]) !== JSON.stringify(data[name]));
    this.ask = ask;
    const moved = other || asked("frame");
    const viewed = !before || asked("view");
    const chosen = other || asked("shown");
    this.data = data;
    if (before?.id !== data.id) keepingFocus(this.root, () => this.build(other));
    if (chosen) this.hidden = new Set(data.shown.length ? data.objects.filter((id) => !data.shown.includes(id)) : []);
    if (viewed) applyView(this, data.view);
    this.drawAdd();
    this.look();
    if (moved || before?.id !== data.id) this.show(moved ? data.frame : this.index);
    if (this.returned) clearTimeout(this.urlTimer);
  }

  build(other) {
    this.pause();
    const { data } = this;
    this.runs = data.runs.map((one) => one.run);
    const zoom = !other && this.zoom ? [this.zoom.scale, this.zoom.x, this.zoom.y] : [1];
    this.frames?.close();
    this.zoom?.close();
    this.entry = null;
    this.frames = new Frames(this.decoder, data);
    this.slider.max = String(this.length - 1);
    this.root.style.setProperty("--ratio", `${data.width} / ${data.height}`);
    this.panes = new Panes(this.panesBox, data, {
      save: (pane) => savePicture(this, [pane]),
      remove: (run) => this.beside(this.runs.filter((one) => one !== run)),
    });
    this.zoom = new Zoom(this.panesBox, data, () => this.zoomed());
    this.zoom.set(...zoom);
    this.curves = new Curves(this.root.querySelector(".curves"), data, {
      go: (frame) => this.jump(frame),
      measure: (name) => { this.measure = name; this.look(); },
    });
    this.failures = new Failures(this.root.querySelector(".failures"), data, { open: (failure) => this.open(failure) });
    this.scores = null; // not drawn
    this.chips = data.objects.map((id) => {
      const chip = button("", `Show or hide object ${id}${id < 10 ? ` (key ${id})` : ""}`, () => this.flipObject(id));
      chip.dataset.focus = `object-${id}`;
      chip.style.setProperty("--c", this.curves.colour(id));
      const values = el("b");
      chip.append(el("i"), document.createTextNode(`object ${id}`), values);
      return { id, chip, values };
    });
    this.objects.replaceChildren(...this.chips.map((item) => item.chip));
    const reason = noErrors(data.truth);
    this.errorButton.disabled = this.truth.disabled = Boolean(reason);
    this.errorButton.title = reason || `Hits, misses and false alarms against ${data.against} (e)`;
    this.root.querySelector(".noerrors").textContent = reason;
    this.root.querySelector("[data-act=annotation]").textContent = data.truth.key;
  }

  // --- which runs

  drawAdd() {
    const { choices, runs } = this.data;
    const first = el("option", "", runs.length > 1 ? "Another run beside…" : "A run beside…");
    first.value = "";
    this.add.replaceChildren(first, ...choices.map(({ id, label }) => {
      const option = el("option", "", label);
      option.value = String(id);
      return option;
    }));
    this.add.hidden = !choices.length;
  }

  // Asks the page for these runs, the first of them the main one; everything else of the address stays.
  beside(ids) {
    this.pause();
    this.runs = ids; // the next wish builds on this one, answered or not
    const url = addressOf(this);
    url.searchParams.set("run", String(ids[0]));
    if (ids.length > 1) url.searchParams.set("with", ids.slice(1).join(","));
    else url.searchParams.delete("with");
    this.said.add(wordsOf(url));
    this.ask(Object.fromEntries(url.searchParams));
  }

  // --- frames

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
    const { frames } = this;
    const entry = await frames.now(target).done;
    if (this.gone || this.index !== target || this.frames !== frames) return;
    this.entry = entry;
    this.draw();
    this.root.dataset.frame = String(target);
    this.root.dataset.ready = "true";
    frames.ahead(target, this.direction);
  }

  step(by) {
    this.show(this.index + by);
  }

  jump(frame) {
    this.pause();
    this.show(frame);
  }

  failure(direction) {
    const frame = this.failures.beyond(this.index, direction);
    if (frame !== undefined) this.jump(frame);
  }

  open(failure) {
    if (this.hidden.delete(failure.object)) this.look();
    this.jump(failure.worst);
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
        if (this.frames.load(this.index + 1, this.index).ready && this.root.dataset.ready === "true") {
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
    if (this.clipMenu.open) this.drawClips();
    this.remember();
  }

  playLabel(text) {
    this.root.querySelector(".play").setAttribute("aria-label", text);
  }

  // --- looks

  flip(box) {
    box.checked = !box.checked;
    this.look();
  }

  flipObject(id) {
    if (!this.data.objects.includes(id)) return;
    if (!this.hidden.delete(id)) this.hidden.add(id);
    this.look();
  }

  flipPane(key) {
    if (!this.away.delete(key)) this.away.add(key);
    this.look();
  }

  setError(on) {
    if (this.errorButton.disabled) return;
    this.error = on;
    this.look();
  }

  zoomed() {
    this.zoomText.textContent = `${Math.round(100 * this.zoom.scale)} %`;
    this.remember();
  }

  // Everything that hangs on how one looks, not on which frame is shown.
  look() {
    const { data, hidden } = this;
    if (this.errorButton.disabled) this.error = this.truth.checked = false;
    this.lookNow = {
      colours: data.colours, errors: data.errors, hidden, opacity: Number(this.opacity.value) / 100,
      outline: this.outline.checked, truth: this.truth.checked, error: this.error,
    };
    this.errorButton.setAttribute("aria-pressed", String(this.error));
    this.legend.hidden = !this.error;
    this.legend.replaceChildren(el("span", "", `Against ${data.against}:`), ...errorLegend(data.errors));
    this.panes.list[0].figure.hidden = this.away.has("picture");
    this.panes.list[1].figure.hidden = this.away.has("annotation");
    for (const name of ["picture", "annotation"])
      this.root.querySelector(`[data-act=${name}]`).setAttribute("aria-pressed", String(!this.away.has(name)));
    for (const { id, chip } of this.chips) chip.setAttribute("aria-pressed", String(!hidden.has(id)));
    this.drawScores();
    this.zoom.apply();
    this.mark();
    this.zoomed();
    this.draw();
  }

  // What can be pressed there stays as long as nothing else is to be seen.
  drawScores() {
    const shown = JSON.stringify([this.measure, [...this.hidden].sort()]);
    if (this.scores === shown) return;
    this.scores = shown;
    keepingFocus(this.root, () => {
      this.curves.draw(this.hidden, this.measure);
      this.failures.draw(this.hidden);
    });
  }

  draw() {
    if (this.clipMenu.open && !this.playing) this.drawClips();
    if (this.entry) this.panes.draw(this.entry, this.lookNow, this.index);
  }

  mark() {
    this.curves.mark(this.index);
    this.failures.mark(this.index);
    for (const { id, values } of this.chips) values.textContent = this.curves.values(id, this.index);
  }

  // --- to take away

  // The address always leads back to this very view; not while playing: browsers refuse too many changes.
  remember() {
    clearTimeout(this.urlTimer);
    if (this.playing) return;
    this.urlTimer = setTimeout(() => {
      // Somebody may have gone back by then: that page's address is none of ours.
      if (window.location.pathname === this.page) this.writeAddress();
    }, 250);
  }

  writeAddress() {
    this.returned = false;
    const url = addressOf(this);
    if (url.href !== window.location.href) window.history.replaceState(window.history.state, "", url);
    this.said.add(wordsOf(url));
    return url.href;
  }

  async copyLink(item) {
    const copied = await copyText(this.writeAddress());
    item.textContent = copied ? "Link copied" : "Copy it from the address bar";
    setTimeout(() => { item.textContent = "Copy link"; }, 2000);
  }

  save() {
    savePicture(this, this.panes.list.filter((pane) => !pane.figure.hidden));
  }

  drawClips() {
    const { data: { clips }, index } = this;
    const failure = this.failures.shown.find(({ start, end }) => start <= index && index <= end);
    const parts = [["whole video", 0, this.length - 1]];
    if (failure) parts.push([`this failure, ${framesOf(failure)}`, failure.start, failure.end]);
    const links = parts.flatMap(([whole, from, to]) => Object.entries(clips).map(([kind, { address, most }]) => {
      const fits = to - from < most;
      const [start, end] = fits ? [from, to] : [index, Math.min(index + most - 1, to)];
      const name = fits ? whole : `${end - start + 1} frame${end === start ? "" : "s"} from here`;
      const url = new URL(address, document.baseURI);
      for (const [key, value] of Object.entries({ start, end, fps: Math.min(Number(this.speed.value), 24) }))
        url.searchParams.set(key, String(value));
      if (this.error) url.searchParams.set("view", "error");
      const link = el("a", "", `${kind.toUpperCase()}, ${name}`);
      link.href = url;
      link.download = "";
      link.onclick = (event) => {
        event.preventDefault();
        this.saveClip(kind, url);
      };
      return link;
    }));
    // A failure that is too long and the video offer the same from here on.
    const each = [...new Map(links.map((link) => [link.textContent, link])).values()];
    this.clips.replaceChildren(...(each.length ? each : [el("span", "", "No prediction to make a clip of.")]));
  }

  // One at a time, as on the server.
  async saveClip(kind, url) {
    if (this.making) return;
    this.making = new AbortController();
    this.clipSaid.textContent = `The ${kind.toUpperCase()} is being made…`;
    try {
      await saveClip(url, `${this.data.video}.${kind}`, this.making.signal);
      this.clipSaid.textContent = "";
    } catch (error) {
      this.clipSaid.textContent = error instanceof TypeError ? "The server does not answer: try again." : error.message;
      if (!this.gone) this.clipMenu.open = true;
    }
    this.making = null;
  }

  help(open = this.keysBox.hidden) {
    this.keysBox.hidden = !open;
  }

  close() {
    this.gone = true;
    this.making?.abort();
    this.pause();
    clearTimeout(this.urlTimer);
    this.frames.close();
    this.zoom.close();
    this.decoder.close();
    for (const unbind of this.bound) unbind();
  }
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  let player = players.get(parentElement);
  if (!player) {
    player = new Player(parentElement);
    players.set(parentElement, player);
  }
  player.update(data, (address) => setTriggerValue("beside", address));
  return () => {
    player.close();
    players.delete(parentElement);
  };
}
