// The list of failures, worst first; choosing one shows its worst frame. Also the way from one failure to the next.
class Failures {
  // acts: {open(failure)}
  constructor(box, data, acts) {
    Object.assign(this, { box, data, acts });
    this.all = data.runs
      .flatMap((run) => run.failures.map((failure) => ({ ...failure, run })))
      .sort((a, b) => b.severity - a.severity);
  }

  draw(hidden) {
    const { data, box } = this;
    this.shown = this.all.filter((failure) => !hidden.has(failure.object));
    box.hidden = !data.runs.some((run) => run.curves.length);
    const head = el("h3", "", `${data.failuresCalled}, worst first`);
    const list = el("ol");
    this.items = this.shown.map((failure) => {
      const item = el("li");
      const open = this.item(failure);
      item.append(open);
      list.append(item);
      return { failure, open };
    });
    const none = el("p", "scorenote", this.all.length ? "None of the objects that are shown." : "None found in this video.");
    box.replaceChildren(head, this.items.length ? list : none);
  }

  item(failure) {
    const { data } = this;
    const { run, object, kind, severity, worst } = failure;
    const open = el("button", "failure");
    open.type = "button";
    open.dataset.focus = `failure-${run.run}-${object}-${failure.start}`;
    open.title = `${data.kinds[kind]?.line ?? kind}; worst at frame ${worst}`;
    const words = el("span", "words");
    const name = el("b", "", kind);
    name.style.setProperty("--c", data.kinds[kind]?.colour);
    const where = [data.runs.length > 1 && run.title, `object ${object}`, framesOf(failure)].filter(Boolean).join(", ");
    words.append(name, el("span", "", where), el("span", "cost", `costs ${(100 * severity).toFixed(1)} points`));
    if (failure.picture) {
      const picture = el("img");
      picture.loading = "lazy";
      picture.alt = `Frame ${worst}: object ${object} ${kind}`;
      picture.src = new URL(failure.picture, document.baseURI);
      picture.onerror = () => picture.remove();
      open.append(picture);
    }
    open.append(words);
    open.onclick = () => this.acts.open(failure);
    return open;
  }

  mark(index) {
    for (const { failure, open } of this.items ?? []) {
      const here = failure.start <= index && index <= failure.end;
      if (here !== (open.getAttribute("aria-current") === "true")) open.setAttribute("aria-current", String(here));
    }
  }

  // The nearest worst frame after (direction 1) or before (-1) a frame; undefined where there is none.
  beyond(index, direction) {
    const frames = this.shown.map((failure) => failure.worst).filter((worst) => (worst - index) * direction > 0);
    return frames.length ? frames.reduce((a, b) => ((a - b) * direction < 0 ? a : b)) : undefined;
  }
}
