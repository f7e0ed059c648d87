// The leaderboard's controls (choices, toggles, buttons) and the cells that only it has. board.js puts them together.
const PIN = "M8 3h8l-1.5 7 3.5 3v2H6v-2l3.5-3zM12 15v6";

function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

function button(text, className, onclick, focus) {
  const node = el("button", className, text);
  node.type = "button";
  node.onclick = onclick;
  if (focus) node.dataset.focus = focus;
  return node;
}

// A labelled choice. `options` are [value, label]; one that is chosen but gone stays listed, and says so.
function choice(label, name, options, value, change) {
  const node = el("label", `choice${value ? " chosen" : ""}`);
  const select = el("select");
  select.dataset.focus = name;
  select.dataset.testid = name;
  select.setAttribute("aria-label", label);
  const known = options.some(([option]) => option === value);
  for (const [option, text] of known ? options : [...options, [value, `${value} (not here)`]]) {
    const item = select.appendChild(el("option", "", text));
    item.value = option;
  }
  select.value = value;
  select.onchange = (event) => change(event.currentTarget.value);
  node.append(select);
  return node;
}

function toggle(label, name, on, change, tip) {
  const node = el("label", "toggle");
  const box = node.appendChild(el("input"));
  box.type = "checkbox";
  box.checked = on;
  box.dataset.focus = name;
  box.dataset.testid = name;
  box.onchange = (event) => change(event.currentTarget.checked);
  node.append(document.createTextNode(label));
  if (tip) node.title = tip;
  return node;
}

function runCell(row, open) {
  const cell = el("th", "k-run");
  cell.scope = "row";
  cell.dataset.column = "run";
  const { text, title, tags, notes, archived } = row.cells.run;
  const line = cell.appendChild(el("div", "name"));
  line.append(rowLink(row, text, open));
  if (title) line.append(el("span", "title", title));
  if (notes) line.append(el("span", "note", "✎"));
  cell.title = [title, notes].filter(Boolean).join("\n");
  if (tags.length || archived) {
    const chips = cell.appendChild(el("div", "tags"));
    if (archived) chips.append(el("span", "away", "archived"));
    for (const tag of tags) chips.append(el("span", "", tag));
  }
  return cell;
}

function standingCell(column, value) {
  const cell = el("td", "k-standing");
  cell.dataset.column = column.key;
  if (value.share === null) cell.append(stateMark(value.state));
  else cell.append(progressBar(value.share, value.text, value.state));
  if (value.detail) cell.append(el("small", "", value.detail));
  if (value.tip) cell.title = value.tip;
  return cell;
}
