// The panes: picture, annotation (or reference), and one a run; each a canvas of the video's own size.
const CROSS = "M6 6l12 12M18 6L6 18";
const DOWN = "M12 4v11M7 11l5 5 5-5M5 20h14";

class Panes {
  // acts: {save(pane), remove(run)}
  constructor(box, data, acts) {
    this.data = data;
    this.layer = new Layer();
    this.tables = new WeakMap();
    const runs = data.runs.map((run) => ({ ...run, isRun: true, removable: data.runs.length > 1 }));
    this.list = [{ key: "picture", title: "Picture", base: null, note: "" }, data.truth, ...runs].map((pane) =>
      this.build(pane, acts),
    );
    box.replaceChildren(...this.list.map((pane) => pane.figure));
  }

  build(pane, acts) {
    const { data } = this;
    const figure = el("figure");
    figure.dataset.testid = `pane-${pane.key}`;
    const caption = el("figcaption");
    const title = pane.href ? el("a", "", pane.title) : el("b", "", pane.title);
    title.title = pane.title;
    if (pane.href) {
      title.href = pane.href;
      title.title = `Run ${pane.run}: ${pane.detail}`;
    }
    const detail = el("span", "", pane.detail ?? "");
    detail.title = pane.detail ?? "";
    const whole = { ...pane, frames: pane.frames ? new Set(pane.frames) : null, figure };
    const save = button("mini", `Save this pane as a picture`, () => acts.save(whole), DOWN);
    save.dataset.focus = `save-${pane.key}`;
    caption.append(title, detail, save);
    if (pane.removable)
      caption.append(button("mini remove", `Take run ${pane.run} away`, () => acts.remove(pane.run), CROSS));
    const screen = el("div", "screen");
    const canvas = el("canvas");
    canvas.setAttribute("role", "img");
    canvas.width = data.width;
    canvas.height = data.height;
    const note = el("p");
    note.setAttribute("role", "status");
    screen.append(canvas, note);
    const counts = el("div", "counts");
    figure.append(caption, screen, counts);
    return Object.assign(whole, { canvas, context: canvas.getContext("2d", { alpha: false }), screen, said: note, counts });
  }

  // look: {colours, errors, opacity, outline, truth, error, hidden}
  draw(entry, look, index) {
    const { data } = this;
    for (const pane of this.list) {
      if (pane.figure.hidden) continue;
      const { context } = pane;
      let note = pane.note ?? "";
      if (entry.picture) context.drawImage(entry.picture, 0, 0, data.width, data.height);
      else {
        context.clearRect(0, 0, data.width, data.height);
        note = entry.problem ?? "";
      }
      pane.found = null;
      if (pane.base) {
        const mask = entry.masks[pane.key];
        if (!mask) note = pane.missing;
        else if (mask.problem) note = mask.problem;
        else note = this.paint(pane, mask, entry, look) || note;
      }
      const legend = pane.found ? errorLegend(data.errors, pane.found) : [];
      pane.counts.replaceChildren(...legend);
      if (pane.said.textContent !== note) pane.said.textContent = note;
      const name = pane.isRun ? `${pane.title} ${pane.detail}` : pane.title;
      pane.canvas.setAttribute("aria-label", `${name}, video ${data.video}, frame ${data.stems[index]}. ${note}`);
    }
  }

  // Draws a mask over the picture that is on the canvas; returns what is to be said of it.
  paint(pane, mask, entry, look) {
    const { data, layer } = this;
    const truth = pane.isRun && (look.error || look.truth) ? entry.masks[data.truth.key] : null;
    const fits = truth?.ids && truth.width === mask.width && truth.height === mask.height;
    const pixels = layer.sized(mask.width, mask.height);
    const rows = rowsOf(fits ? [mask, truth] : [mask]);
    let note = "";
    if (pane.isRun && look.error && fits) {
      if (!this.tables.has(look)) this.tables.set(look, errorTable(data.objects, look.hidden));
      pane.found = paintErrors(pixels, mask, truth, this.tables.get(look), look, rows);
    } else {
      paintMask(pixels, mask, look, rows);
      if (pane.isRun && look.error)
        note = truth?.ids ? "The annotation has another size: no errors here." : `${data.truth.missing} No errors here.`;
    }
    if (pane.isRun && look.truth && fits) paintOutline(pixels, truth, look);
    layer.drawOn(pane.context, rows, data.width, data.height);
    return note;
  }
}
