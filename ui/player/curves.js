// J, F or their mean over time: a line an object and run, bands of failures beneath, and a mark that goes with the frame.
const DASHES = ["", "7 4", "2 3", "9 3 2 3", "14 4", "4 2", "1 5", "12 3 2 3 2 3"];

class Curves {
  // acts: {go(frame), measure(name)}
  constructor(box, data, acts) {
    Object.assign(this, { box, data, acts, last: Math.max(data.stems.length - 1, 1) });
    for (const run of data.runs)
      for (const curve of run.curves) {
        curve.jf = curve.j.map((value, at) => (value + curve.f[at]) / 2);
        curve.at = new Map(curve.frames.map((frame, at) => [frame, at]));
      }
  }

  colour(object) {
    return this.data.colours[(object - 1) % this.data.colours.length];
  }

  // The curves that are shown: one object alone of several runs is coloured by run, else by object.
  lines(hidden, measure) {
    const { runs, objects } = this.data;
    const byRun = runs.length > 1 && objects.filter((id) => !hidden.has(id)).length === 1;
    return runs.flatMap((run, place) =>
      run.curves
        .filter((curve) => !hidden.has(curve.object))
        .map((curve) => ({
          run, curve, values: curve[measure], byRun,
          colour: this.colour(byRun ? place + 1 : curve.object), dash: byRun ? "" : DASHES[place % DASHES.length],
          name: [runs.length > 1 && run.title, objects.length > 1 && `object ${curve.object}`].filter(Boolean).join(" "),
        })),
    );
  }

  draw(hidden, measure) {
    const { data } = this;
    const lines = this.lines(hidden, measure);
    const notes = data.runs.filter((run) => run.curve_note).map((run) =>
      el("p", "scorenote", data.runs.length > 1 ? `${run.title}: ${run.curve_note}` : run.curve_note));
    this.dots = [];
    this.marks = [];
    if (!data.runs.some((run) => run.curves.length)) {
      this.box.replaceChildren(...notes);
      return;
    }
    const name = data.measures[["j", "f", "jf"].indexOf(measure)];
    const chart = el("div", "chart");
    const label = el("div", "name");
    label.append(el("span", "", "1"), el("b", "", name), el("span", "", "0"));
    chart.append(label, this.plot(lines, measure, name), ...this.lanes(hidden));
    this.box.replaceChildren(this.head(measure, lines), chart, ...notes, this.legend(hidden));
  }

  head(measure, lines) {
    const head = el("div", "curvehead");
    const choice = el("span", "measures");
    choice.setAttribute("role", "group");
    choice.setAttribute("aria-label", "Measure");
    for (const [at, key] of ["j", "f", "jf"].entries()) {
      const one = button("", `Show ${this.data.measures[at]}`, () => this.acts.measure(key));
      one.textContent = this.data.measures[at];
      one.dataset.focus = `measure-${key}`;
      one.setAttribute("aria-pressed", String(key === measure));
      choice.append(one);
    }
    head.append(choice);
    if (this.data.runs.length > 1) {
      const seen = new Map();
      for (const line of lines) if (!seen.has(line.run)) seen.set(line.run, line);
      for (const [run, { colour, dash, byRun }] of seen) {
        const item = el("span", "runline");
        const svg = drawn("svg", { viewBox: "0 0 30 6", "aria-hidden": "true" });
        svg.append(drawn("path", { d: "M0 3H30", "stroke-dasharray": dash, stroke: byRun ? colour : "currentColor" }));
        item.append(svg, document.createTextNode(`${run.title} ${run.detail}`));
        head.append(item);
      }
    }
    return head;
  }

  plot(lines, measure, name) {
    const plot = el("div", "plot");
    plot.dataset.testid = `curve-${measure}`;
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", `${name} over the frames of ${this.data.video}; the mark is the frame shown`);
    const svg = drawn("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none" });
    for (const { curve, values, colour, dash } of lines) {
      const points = curve.frames.map((frame, at) => `${(1000 * frame) / this.last},${100 - 100 * values[at]}`).join(" ");
      svg.append(drawn("polyline", { points, stroke: colour, "stroke-dasharray": dash }));
      const dot = el("div", "dot");
      dot.style.setProperty("--c", colour);
      this.dots.push({ dot, curve, values });
    }
    const mark = el("div", "mark");
    mark.dataset.testid = `mark-${measure}`;
    this.marks.push(mark);
    plot.append(svg, mark, ...this.dots.map((item) => item.dot), this.tip(plot, lines));
    return plot;
  }

  // Pressing and dragging moves the player; hovering tells the values.
  tip(plot, lines) {
    const tip = el("div", "tip");
    const frameAt = (event) => {
      const box = plot.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      return Math.min(Math.max(Math.round(share * this.last), 0), this.data.stems.length - 1);
    };
    plot.onpointerdown = (event) => {
      plot.setPointerCapture(event.pointerId);
      this.acts.go(frameAt(event));
    };
    plot.onpointermove = (event) => {
      const frame = frameAt(event);
      if (event.buttons) this.acts.go(frame);
      const rows = lines.filter(({ curve }) => curve.at.has(frame)).map(({ curve, values, colour, name }) => {
        const row = el("span", "", `${name} ${values[curve.at.get(frame)].toFixed(3)}`.trim());
        row.style.setProperty("--c", colour);
        return row;
      });
      tip.replaceChildren(el("b", "", `frame ${frame}`), ...(rows.length ? rows : [el("span", "", "not evaluated")]));
      const share = frame / this.last;
      tip.style.left = `${100 * share}%`;
      tip.classList.toggle("left", share > 0.6);
      tip.classList.add("on");
    };
    plot.onpointerleave = () => tip.classList.remove("on");
    return tip;
  }

  lanes(hidden) {
    const several = this.data.runs.length > 1;
    return this.data.runs.flatMap((run) => {
      const ids = [...new Set(run.failures.map((one) => one.object))].sort((a, b) => a - b).filter((id) => !hidden.has(id));
      return ids.flatMap((id) => {
        const label = el("span", "lanename", several ? `${run.title}·${id}` : `${id}`);
        label.title = several ? `${run.title}, object ${id}` : `object ${id}`;
        const lane = el("div", "lane");
        for (const one of run.failures.filter((item) => item.object === id)) {
          const band = el("i");
          band.dataset.kind = one.kind;
          band.title = `${run.title}, object ${id}: ${one.kind}, ${framesOf(one)}: ${this.data.kinds[one.kind]?.line ?? ""}`;
          band.style.setProperty("--c", this.data.kinds[one.kind]?.colour);
          band.style.left = `${(100 * (one.start - 0.5)) / this.last}%`;
          band.style.width = `${(100 * (one.end - one.start + 1)) / this.last}%`;
          band.onclick = () => this.acts.go(one.worst);
          lane.append(band);
        }
        const mark = el("div", "mark plain");
        this.marks.push(mark);
        lane.append(mark);
        return [label, lane];
      });
    });
  }

  legend(hidden) {
    const { runs, kinds } = this.data;
    const legend = el("div", "kinds");
    const seen = new Set(runs.flatMap((run) => run.failures.filter((one) => !hidden.has(one.object)).map((one) => one.kind)));
    for (const kind of Object.keys(kinds).filter((name) => seen.has(name))) {
      const item = el("span", "error", "");
      const box = el("i");
      box.style.background = kinds[kind].colour;
      item.title = kinds[kind].line;
      item.append(box, document.createTextNode(kind));
      legend.append(item);
    }
    return legend;
  }

  mark(index) {
    const left = `${(100 * index) / this.last}%`;
    for (const mark of this.marks) mark.style.left = left;
    for (const { dot, curve, values } of this.dots) {
      const at = curve.at.get(index);
      dot.style.display = at === undefined ? "none" : "";
      if (at === undefined) continue;
      dot.style.left = left;
      dot.style.top = `${100 - 100 * values[at]}%`;
    }
  }

  // J and F of the first run's object at a frame, in words; "" where they are not measured.
  values(object, index) {
    const curve = this.data.runs[0].curves.find((item) => item.object === object);
    const at = curve?.at.get(index);
    const [j, f] = this.data.measures;
    const of = this.data.runs.length > 1 ? `${this.data.runs[0].title}: ` : "";
    return at === undefined ? "" : `${of}${j} ${curve.j[at].toFixed(3)}  ${f} ${curve.f[at].toFixed(3)}`;
  }
}
