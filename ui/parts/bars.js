// Bars up and down from zero, one or more a mark, in the order given. Data: see ui/parts/bars.py.
const kept = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const values = data.marks.flatMap((mark) => mark.bars.map((one) => one.value));
  const up = data.most ?? Math.max(...values, 0);
  const down = Math.max(...values.map((value) => -value), 0);
  const every = step(Math.max(up + down, 0.1), 5);
  const [high, low] = [Math.ceil(up / every - 1e-9) * every, Math.ceil(down / every - 1e-9) * every];
  const place = (value) => (100 * (high - value)) / (high + low || 1);

  const legend = parentElement.querySelector(".legend");
  legend.replaceChildren();
  for (const { colour, label } of data.series) {
    const entry = el("span");
    const mark = el("i");
    mark.style.setProperty("--c", colour);
    entry.append(mark, document.createTextNode(label));
    legend.append(entry);
  }
  if (data.unit) legend.append(el("span", "", data.unit));

  const box = parentElement.querySelector(".bars");
  const state = kept.get(box) ?? { made: new Map() };
  kept.set(box, state);
  state.trigger = setTriggerValue; // marks are kept longer than this call
  box.style.setProperty("--plot", `${data.height}px`);
  box.style.setProperty("--count", data.marks.length);
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", data.caption);
  const grid = el("div", "grid");
  const digits = every < 1 ? 1 : 0;
  for (let value = -low; value <= high + every / 2; value += every) {
    const zero = Math.abs(value) < every / 2;
    const line = el("div", zero ? "zero" : "");
    line.style.top = `${place(value)}%`;
    line.append(el("span", "", zero ? "0" : data.signed ? signed(value, digits) : value.toFixed(digits)));
    grid.append(line);
  }
  const flat = data.marks.length <= 12;
  const scale = JSON.stringify([high, low, data.height, data.series, flat]);
  const makeMark = (mark) => {
    const link = leads(el("a"), mark.href, () => state.trigger("open", mark.id));
    link.dataset.testid = "bar";
    link.dataset.id = mark.id;
    link.dataset.focus = mark.id;
    link.title = mark.tip;
    link.setAttribute("aria-label", mark.tip);
    const plot = el("span", "plot");
    for (const one of mark.bars) {
      const bar = el("span", "bar");
      bar.style.setProperty("--c", data.series[one.series].colour);
      bar.style.marginTop = `${(place(Math.max(one.value, 0)) / 100) * data.height}px`;
      bar.style.marginBottom = `${(1 - place(Math.min(one.value, 0)) / 100) * data.height}px`;
      plot.append(bar);
    }
    link.append(plot, el("span", flat ? "name flat" : "name", mark.label));
    return link;
  };
  keepingFocus(box, () => arrange(box, [
    grid,
    ...data.marks.map((mark) => keptNode(state.made, mark.id, scale + JSON.stringify(mark), () => makeMark(mark))),
  ]));
}
