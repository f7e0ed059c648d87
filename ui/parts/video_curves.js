// J and F of a video's objects over its frames, with the bands of its failures; a frame opens the video there.
// The lines, bands and tips are the player's (ui/player/curves.js). Data: see ui/parts/video_curves.py.
class VideoCurves extends Curves {
  draw() {
    const { data } = this;
    const none = new Set();
    this.dots = [];
    this.marks = [];
    const chart = el("div", "chart");
    for (const [at, measure] of ["j", "f"].entries()) {
      const name = data.measures[at];
      const label = el("div", "name");
      label.append(el("span", "", "1"), el("b", "", name), el("span", "", "0"));
      const plot = this.plot(this.lines(none, measure), measure, name);
      this.keys(plot, name);
      chart.append(label, plot);
    }
    chart.append(...this.lanes(none));
    const scale = el("div", "scale");
    scale.append(el("span", "", "frame 0"), el("span", "", `frame ${this.last}`));
    chart.append(el("span"), scale);
    this.box.replaceChildren(this.objects(), chart, this.legend(none));
    this.mark(data.frame);
  }

  objects() {
    const legend = el("div", "legend");
    for (const id of this.data.objects) {
      const item = el("span");
      const colour = el("i");
      colour.style.setProperty("--c", this.colour(id));
      item.append(colour, document.createTextNode(`object ${id}`));
      legend.append(item);
    }
    return legend;
  }

  // Arrows move the mark, Enter opens the frame that it is on.
  keys(plot, name) {
    plot.tabIndex = 0;
    plot.setAttribute("role", "slider");
    plot.setAttribute("aria-label", `${name} over the frames of ${this.data.video}; Enter opens the frame`);
    plot.setAttribute("aria-valuemin", "0");
    plot.setAttribute("aria-valuemax", String(this.last));
    plot.onkeydown = (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: 10, PageDown: -10, Home: -this.last, End: this.last };
      if (event.key === "Enter") this.acts.go(this.frame);
      else if (event.key in steps) this.mark(Math.min(Math.max(this.frame + steps[event.key], 0), this.last));
      else return;
      event.preventDefault();
    };
  }

  mark(index) {
    this.frame = index;
    super.mark(index);
    const shown = this.data.objects.map((id) => [id, this.values(id, index)]).filter(([, text]) => text);
    const text = `frame ${index}${shown.map(([id, values]) => `; object ${id}: ${values}`).join("")}`;
    for (const plot of this.box.querySelectorAll(".plot")) {
      plot.setAttribute("aria-valuenow", String(index));
      plot.setAttribute("aria-valuetext", text);
    }
  }
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const box = parentElement.querySelector(".curves");
  const key = JSON.stringify(data);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  let left = false; // pressing and moving asks for one frame, not for many
  const go = (frame) => {
    if (!left) setTriggerValue("open", frame);
    left = true;
    setTimeout(() => (left = false), 1000);
  };
  new VideoCurves(box, { ...data, stems: { length: data.frames } }, { go }).draw();
}
