// Draws a sortable table. Data: {columns, rows, caption, height}; see ui/table.py.
const kept = new WeakMap();
const STATES = {
  queued: "#8A9296", running: "#0FA3BF", paused: "#CCA300", done: "#2E9E6B", failed: "#D6453D", cancelled: "#B0772E",
};

const el = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

const isNone = (value) => value === null || value === undefined || value === "";

function seconds(value) {
  if (value < 100) return value.toFixed(1);
  return Math.round(value).toLocaleString("en").replaceAll(",", "\u2009");
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

const sortValue = (cell) => (cell !== null && typeof cell === "object" ? cell.sort : cell);

function fill(node, column, value, best) {
  if (isNone(value)) {
    node.append(el("span", "none", "–"));
    return;
  }
  if (column.kind === "number") {
    node.textContent = value.toFixed(column.digits);
    if (best) {
      node.classList.add("best");
      node.title = "best of this table";
    }
  } else if (column.kind === "seconds") {
    node.textContent = seconds(value);
  } else if (column.kind === "state") {
    const state = el("span", `state ${value}`);
    state.style.setProperty("--c", STATES[value] ?? STATES.queued);
    state.append(el("i"), document.createTextNode(value));
    node.append(state);
  } else if (column.kind === "progress") {
    const bar = el("span", "progress");
    const outer = el("span");
    const inner = el("span");
    inner.style.width = `${Math.round(100 * value.sort)}%`;
    if (value.state) bar.style.setProperty("--c", STATES[value.state]);
    outer.append(inner);
    bar.append(outer, el("b", "", value.text));
    bar.setAttribute("role", "img");
    bar.setAttribute("aria-label", `${Math.round(100 * value.sort)} percent: ${value.text}`);
    node.append(bar);
  } else {
    node.textContent = String(value);
  }
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const state = kept.get(parentElement) ?? { key: null, down: false };
  kept.set(parentElement, state);
  const frame = parentElement.querySelector(".frame");
  const table = parentElement.querySelector("table");
  frame.style.maxHeight = `${data.height}px`;
  table.dataset.testid = "table";
  const right = (column) => ["number", "seconds"].includes(column.kind);

  const best = {};
  for (const column of data.columns) {
    const values = data.rows.map((row) => row.cells[column.key]).filter((value) => typeof value === "number");
    if (column.best && values.length > 1) best[column.key] = Math[column.best](...values);
  }

  const draw = () => {
    const rows = [...data.rows];
    if (state.key) {
      rows.sort((a, b) => {
        const [x, y] = [sortValue(a.cells[state.key]), sortValue(b.cells[state.key])];
        if (isNone(x) || isNone(y)) return Number(isNone(x)) - Number(isNone(y));
        return state.down ? compare(y, x) : compare(x, y);
      });
    }
    const focused = parentElement.activeElement?.dataset?.focus;
    const head = el("thead");
    const line = el("tr");
    for (const column of data.columns) {
      const cell = el("th", `${right(column) ? "right " : ""}k-${column.kind}`);
      cell.scope = "col";
      if (column.tip) cell.title = column.tip;
      const button = el("button", "", column.label);
      button.type = "button";
      button.dataset.focus = `sort-${column.key}`;
      if (column.unit) button.append(el("span", "unit", column.unit));
      const sorted = state.key === column.key;
      if (sorted) {
        button.append(el("span", "arrow", state.down ? "↓" : "↑"));
        cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      }
      button.onclick = () => {
        const numeric = column.kind !== "text" && column.kind !== "state";
        if (!sorted) [state.key, state.down] = [column.key, numeric];
        else if (state.down === numeric) state.down = !state.down;
        else state.key = null;
        draw();
      };
      cell.append(button);
      line.append(cell);
    }
    head.append(line);
    const body = el("tbody");
    for (const row of rows) {
      const tr = el("tr");
      tr.dataset.testid = "row";
      tr.dataset.id = row.id;
      const open = (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.button === 1) return;
        event.preventDefault();
        event.stopPropagation();
        setTriggerValue("open", row.id);
      };
      data.columns.forEach((column, index) => {
        const cell = el(index ? "td" : "th", `${right(column) ? "right " : ""}k-${column.kind}`);
        if (!index) cell.scope = "row";
        cell.dataset.column = column.key;
        const value = row.cells[column.key];
        if (column.kind === "text" && !isNone(value) && String(value).length > 60) cell.classList.add("long");
        if (!index && row.href) {
          const link = el("a", "", isNone(value) ? "–" : String(value));
          link.href = row.href;
          link.dataset.focus = `row-${row.id}`;
          link.onclick = open;
          cell.append(link);
        } else {
          fill(cell, column, value, column.best && value === best[column.key]);
        }
        tr.append(cell);
      });
      if (row.href) {
        tr.className = "leads";
        tr.onclick = open;
      }
      body.append(tr);
    }
    table.replaceChildren(el("caption", "", data.caption), head, body);
    if (focused) table.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  };
  draw();
}
