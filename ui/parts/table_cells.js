// What tables are made of: cells by kind, sortable heads, rows that lead somewhere. Read before table.js and
// results/board.js.
const STATES = {
  queued: "#8A9296", running: "#0FA3BF", paused: "#CCA300", done: "#2E9E6B", failed: "#D6453D", cancelled: "#B0772E",
};

const isNone = (value) => value === null || value === undefined || value === "";
const isRight = (column) => ["number", "seconds"].includes(column.kind);
const cellClass = (column) => `${isRight(column) ? "right " : ""}k-${column.kind}`;
const sortValue = (cell) => (cell !== null && typeof cell === "object" ? cell.sort : cell);

function seconds(value) {
  if (value < 100) return value.toFixed(1);
  return Math.round(value).toLocaleString("en").replaceAll(",", "\u2009");
}

// With so many digits, a minus that is one, and none before zero.
function fixed(value, digits) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "\u2212");
}

const COLLATOR = new Intl.Collator("en", { numeric: true });

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return COLLATOR.compare(String(a), String(b));
}

// Rows by `key`, None last whichever way; without a key in the order that the server gave.
function sorted(rows, key, down) {
  if (!key) return [...rows];
  return [...rows].sort((a, b) => {
    const [x, y] = [sortValue(a.cells[key]), sortValue(b.cells[key])];
    if (isNone(x) || isNone(y)) return Number(isNone(x)) - Number(isNone(y));
    return down ? compare(y, x) : compare(x, y);
  });
}

function bestOf(column, rows) {
  const values = rows.map((row) => row.cells[column.key]).filter((value) => typeof value === "number");
  return column.best && values.length > 1 ? Math[column.best](...values) : null;
}

function progressBar(share, text, state) {
  const bar = el("span", "progress");
  const outer = bar.appendChild(el("span"));
  outer.appendChild(el("span")).style.width = `${Math.round(100 * share)}%`;
  if (state) bar.style.setProperty("--c", STATES[state]);
  bar.append(el("b", "", text));
  bar.setAttribute("role", "img");
  bar.setAttribute("aria-label", `${Math.round(100 * share)} percent: ${text}`);
  return bar;
}

function stateMark(name) {
  const mark = el("span", `state ${name}`);
  mark.style.setProperty("--c", STATES[name] ?? STATES.queued);
  mark.append(el("i"), document.createTextNode(name));
  return mark;
}

function fill(node, column, value, best) {
  if (isNone(value)) {
    node.append(el("span", "none", "–"));
  } else if (column.kind === "number") {
    node.textContent = fixed(value, column.digits);
    if (best) {
      node.classList.add("best");
      node.title = best;
    }
  } else if (column.kind === "seconds") {
    node.textContent = seconds(value);
  } else if (column.kind === "state") {
    node.append(stateMark(value));
  } else if (column.kind === "progress") {
    node.append(progressBar(value.sort, value.text, value.state));
  } else {
    node.textContent = String(value);
  }
}

// A column's head: its label sorts. `sort` is {key, down}; `change` gets the next one.
function headCell(column, sort, change) {
  const cell = el("th", cellClass(column));
  cell.scope = "col";
  if (column.tip) cell.title = column.tip;
  const button = cell.appendChild(el("button", "", column.label));
  button.type = "button";
  button.dataset.focus = `sort-${column.key}`;
  if (column.unit) button.append(el("span", "unit", column.unit));
  const here = sort.key === column.key;
  if (here) {
    button.append(el("span", "arrow", sort.down ? "↓" : "↑"));
    cell.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
  }
  button.onclick = () => {
    const first = ["number", "seconds", "progress"].includes(column.kind); // the largest first
    if (!here) change({ key: column.key, down: first });
    else if (sort.down === first) change({ key: column.key, down: !sort.down });
    else change({ key: null, down: false });
  };
  return cell;
}

function bodyCell(column, index, row, best, open) {
  const cell = el(index ? "td" : "th", cellClass(column));
  if (!index) cell.scope = "row";
  cell.dataset.column = column.key;
  const value = row.cells[column.key];
  if (column.kind === "text" && !isNone(value) && String(value).length > 60) cell.classList.add("long");
  if (!index && row.href) cell.append(rowLink(row, isNone(value) ? "–" : String(value), open));
  else fill(cell, column, value, best);
  return cell;
}

function rowLink(row, text, open) {
  const link = el("a", "", text);
  link.href = row.href;
  link.dataset.focus = `row-${row.id}`;
  link.onclick = open;
  return link;
}

const opener = (row, state) => opening(() => state.trigger("open", row.id));
