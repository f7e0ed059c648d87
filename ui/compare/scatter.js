// A mark a video or object: J&F in A to the right, in B upwards. Data: see ui/compare/charts.py.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const svg = (tag, attributes, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const [width, left, top] = [520, 52, 12];
  const side = width - left - 16;
  const values = data.rows.flatMap((row) => [row.a, row.b]);
  const every = step(Math.max(Math.max(...values) - Math.min(...values), 0.02), 5);
  const low = Math.max(0, Math.floor(Math.min(...values) / every - 0.2) * every);
  const high = Math.min(1, Math.ceil(Math.max(...values) / every + 0.2) * every);
  const x = (value) => left + (side * (value - low)) / (high - low);
  const y = (value) => top + side - (side * (value - low)) / (high - low);

  const root = svg("svg", { viewBox: `0 0 ${width} ${top + side + 46}`, role: "group", "aria-label": data.caption });
  for (let value = Math.ceil(low / every - 1e-9) * every; value <= high + 1e-9; value += every) {
    const text = value.toFixed(every < 0.1 ? 2 : 1);
    root.append(
      svg("line", { class: "line", x1: x(value), x2: x(value), y1: top, y2: top + side }),
      svg("line", { class: "line", x1: left, x2: left + side, y1: y(value), y2: y(value) }),
      svg("text", { class: "axis", x: x(value), y: top + side + 17, "text-anchor": "middle" }, text),
      svg("text", { class: "axis", x: left - 8, y: y(value) + 4, "text-anchor": "end" }, text),
    );
  }
  root.append(
    svg("line", { class: "diagonal", x1: x(low), y1: y(low), x2: x(high), y2: y(high) }),
    svg("text", { x: left + side / 2, y: top + side + 38, "text-anchor": "middle" }, data.labels[0]),
    svg("text", { transform: `translate(13 ${top + side / 2}) rotate(-90)`, "text-anchor": "middle" }, data.labels[1]),
  );
  const furthest = [...data.rows].sort((p, q) => Math.abs(q.b - q.a) - Math.abs(p.b - p.a));
  const radius = data.rows.length > 150 ? 4 : 6;
  for (const row of data.rows) {
    const link = leads(svg("a", { tabindex: 0, "data-testid": "mark", "data-id": row.id }), row.href,
      () => setTriggerValue("open", row.id));
    const told = `${row.label}: ${row.a.toFixed(3)} → ${row.b.toFixed(3)} (${signed(100 * (row.b - row.a), 1)} points)`;
    link.setAttribute("aria-label", told);
    const colour = row.b >= row.a ? COLOURS.gain : COLOURS.loss;
    const mark = svg("circle", { cx: x(row.a), cy: y(row.b), r: radius, style: `--c: ${colour}` });
    mark.append(svg("title", {}, told));
    link.append(mark);
    root.append(link);
  }
  const named = [];
  for (const row of furthest) {
    if (named.length === 5) break;
    if (named.some((other) => Math.abs(y(other.b) - y(row.b)) < 14 && Math.abs(x(other.a) - x(row.a)) < 190)) continue;
    named.push(row);
    const end = x(row.a) > left + 0.62 * side;
    const label = row.label.length > 24 ? `${row.label.slice(0, 23)}…` : row.label;
    root.append(svg("text", {
      class: "outlier", x: x(row.a) + (end ? -9 : 9), y: y(row.b) + 4, "text-anchor": end ? "end" : "start",
    }, label));
  }
  const legend = parentElement.querySelector(".legend");
  legend.replaceChildren();
  for (const [colour, text] of [[COLOURS.gain, data.ahead], [COLOURS.loss, data.behind]]) {
    const entry = el("span");
    const mark = el("i");
    mark.style.setProperty("--c", colour);
    entry.append(mark, document.createTextNode(text));
    legend.append(entry);
  }
  parentElement.querySelector(".plot-area").replaceChildren(root);
}
