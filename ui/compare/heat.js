// A table of rows x runs whose cells are coloured. Data: see ui/compare/heat.py.
const kept = new WeakMap();
const LATE = 5000; // ms after which no answer is waited for

// The order lives in the address as `data.name`: a column's key, after a minus where it descends.
const sortOf = (text) => {
  const key = text.replace(/^-/, "");
  return { key: key === "" ? null : /^\d+$/.test(key) ? Number(key) : key, down: text.startsWith("-") };
};

const textOf = ({ key, down }) => (key === null ? "" : `${down ? "-" : ""}${key}`);

const ofAddress = (name) => new URLSearchParams(window.location.search).get(name) ?? "";

// The server is told too, and at once: whatever is chosen on the page next, it writes the whole address as it knows it. A
// message that left later by itself could carry a choice as it was before an answer on its way undid it in the browser.
function remember(state, name) {
  const url = new URL(window.location.href);
  const text = textOf(state);
  if (text) url.searchParams.set(name, text);
  else url.searchParams.delete(name);
  window.history.replaceState(window.history.state, "", url);
  window.dispatchEvent(new CustomEvent("voslab-written", { detail: name }));
  state.told = performance.timeOrigin + performance.now();
  state.table.setAttribute("aria-busy", "true");
  state.trigger("sort", { text, at: state.told });
}

// What the server says the order is. What it says before it has heard the last press is of one before that; else the
// person has gone back, and it agrees with the address.
function follow(state, { name, sort, heard }) {
  const late = performance.timeOrigin + performance.now() - state.told > LATE;
  if (state.told !== null && heard !== state.told && !late) return;
  state.told = null;
  state.table.removeAttribute("aria-busy");
  if (sort === ofAddress(name)) Object.assign(state, sortOf(sort));
}

const named = (a, b) => a.label.localeCompare(b.label, "en", { numeric: true });

function heat(value, low, high) {
  const place = Math.min(1, Math.max(0, high > low ? (value - low) / (high - low) : 0.5));
  const colour = place < 0.5 ? COLOURS.loss : COLOURS.gain;
  return `color-mix(in srgb, ${colour} ${Math.round(124 * Math.abs(place - 0.5))}%, transparent)`;
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const state = kept.get(parentElement) ?? {
    ...sortOf(data.sort), told: null, made: new Map(), caption: el("caption"), head: el("thead"), body: el("tbody"),
  };
  kept.set(parentElement, state);
  const frame = parentElement.querySelector(".frame");
  const table = parentElement.querySelector("table");
  Object.assign(state, { table, trigger: setTriggerValue });
  follow(state, data);
  frame.style.maxHeight = `${data.height}px`;
  table.dataset.testid = "heat";

  const value = {
    label: (row) => row.label,
    last: (row) => (data.size ? Math.abs(row.last) : row.last),
  };
  data.columns.forEach((_, index) => { value[index] = (row) => row.values[index]; });
  data.facts.forEach((_, index) => { value[`fact-${index}`] = (row) => row.facts[index]; });

  const cell = (row, text, run, tip) => {
    if (!row.href) return el("span", "still", text);
    const link = leads(el("a", "", text), row.href, () => state.trigger("open", { id: row.id, run }));
    link.dataset.focus = `${row.id}/${run ?? ""}`;
    if (tip) link.title = tip;
    return link;
  };

  const heads = [
    { key: "label", label: data.corner, down: false },
    ...data.facts.map((label, index) => ({ key: `fact-${index}`, label, down: true })),
    ...data.columns.map((column, index) => ({ ...column, key: index, down: false })),
    { key: "last", label: data.last, down: true, small: data.unit },
  ];

  const press = (head) => {
    if (state.key !== head.key) [state.key, state.down] = [head.key, head.down];
    else if (state.down === head.down) state.down = !state.down;
    else [state.key, state.down] = [null, false];
    remember(state, data.name);
    draw();
  };

  const makeHead = () => {
    const line = el("tr");
    for (const head of heads) {
      const th = el("th");
      th.scope = "col";
      const button = el("button", "", head.label);
      button.type = "button";
      button.dataset.focus = `sort-${head.key}`;
      button.title = `${head.tip ? `${head.tip}\n` : ""}Sort by this column`;
      if (state.key === head.key) {
        button.append(el("span", "arrow", state.down ? " ↓" : " ↑"));
        th.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      }
      if (head.small) button.append(el("small", "", head.small));
      button.onclick = () => press(head);
      th.append(button);
      line.append(th);
    }
    return line;
  };

  const makeRow = (row, first) => {
    const tr = el("tr", first ? "first" : "");
    tr.dataset.testid = "heat-row";
    tr.dataset.id = row.id;
    const name = el("th");
    name.scope = "row";
    const label = cell(row, row.label, null, row.tip);
    if (row.tip) label.title = row.tip;
    if (row.group) {
      label.textContent = "";
      label.append(el("span", "group", row.group), document.createTextNode(row.label));
    }
    name.append(label);
    tr.append(name);
    for (const fact of row.facts) {
      const td = el("td", "plain");
      td.append(el("span", "still", String(fact)));
      tr.append(td);
    }
    const best = Math.max(...row.values);
    const marked = row.values.filter((one) => one === best).length < row.values.length;
    row.values.forEach((one, index) => {
      const td = el("td", "heat");
      const shown = row.shown[index];
      td.style.setProperty("--heat", shown === null ? "transparent" : heat(shown, data.low, data.high));
      const text = data.signed && shown !== null ? signed(shown, 1) : one.toFixed(3);
      const tip = `${data.columns[index].tip}: ${one.toFixed(3)}${row.href ? "\nOpens its worst frame of this" : ""}`;
      const link = cell(row, text, index, tip);
      link.dataset.cell = index;
      if (marked && one === best) link.classList.add("best");
      td.append(link);
      tr.append(td);
    });
    const last = el("td", "plain");
    last.append(el("span", "still", data.size ? signed(row.last, 1) : row.last.toFixed(1)));
    tr.append(last);
    return tr;
  };

  // What every row is made from, beside its own.
  const shape = JSON.stringify([data.columns, data.low, data.high, data.signed, data.size]);

  const draw = () => keepingFocus(parentElement, () => {
    const rows = [...data.rows];
    const of = value[state.key];
    if (of) {
      rows.sort((a, b) => {
        const order = state.key === "label" ? named(a, b) : of(a) - of(b);
        return (state.down ? -order : order) || named(a, b);
      });
    }
    const { caption, head, body, made } = state;
    arrange(table, [caption, head, body]);
    if (caption.textContent !== data.caption) caption.textContent = data.caption;
    // The head is made anew each time, with this call's data behind its buttons.
    state.line = state.line ? become(state.line, makeHead()) : head.appendChild(makeHead());
    arrange(body, rows.map((row, index) => {
      const first = Boolean(row.group) && row.group !== rows[index - 1]?.group;
      return keptNode(made, row.id, JSON.stringify([shape, row, first]), () => makeRow(row, first));
    }));
  });

  table.onkeydown = (event) => {
    const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const td = event.target.closest("tbody td, tbody th");
    if (!by || !td) return;
    const tr = by[0] ? table.tBodies[0].rows[td.parentElement.sectionRowIndex + by[0]] : td.parentElement;
    let next = tr?.cells[td.cellIndex + by[1]];
    while (next && by[1] && !next.querySelector("a")) next = tr.cells[next.cellIndex + by[1]];
    const link = next?.querySelector("a");
    if (!link) return;
    event.preventDefault();
    link.focus();
  };

  const legend = parentElement.querySelector(".legend");
  legend.replaceChildren(
    el("span", "", data.signed ? signed(data.low, 0) : data.low.toFixed(1)),
    el("span", "ramp"),
    el("span", "", data.signed ? `${signed(data.high, 0)} points over A` : `${data.high.toFixed(1)} ${data.measure}`),
    el("span", "", "bold: best of its row"),
  );
  draw();
}
