// Draws a sortable table. Data: {columns, rows, caption, height}; see ui/parts/table.py and table_cells.js.
const kept = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const state = kept.get(parentElement) ?? { sort: { key: null, down: false }, made: new Map(), parts: {} };
  kept.set(parentElement, state);
  state.trigger = setTriggerValue; // rows are kept longer than this call
  const frame = parentElement.querySelector(".frame");
  const table = parentElement.querySelector("table");
  frame.style.maxHeight = `${data.height}px`;
  table.dataset.testid = "table";
  const best = Object.fromEntries(data.columns.map((column) => [column.key, bestOf(column, data.rows)]));
  const shape = JSON.stringify([data.columns, best]);

  const makeRow = (row) => {
    const tr = el("tr", row.href ? "leads" : "");
    tr.dataset.testid = "row";
    tr.dataset.id = row.id;
    const open = opener(row, state);
    if (row.href) tr.onclick = open;
    tr.append(...data.columns.map((column, index) => {
      const marked = best[column.key] !== null && row.cells[column.key] === best[column.key];
      return bodyCell(column, index, row, marked ? "best of this table" : "", open);
    }));
    return tr;
  };

  const draw = () => {
    const [caption, head, body] = keptPart(state.parts, "frame", null, () => [el("caption"), el("thead"), el("tbody")]);
    arrange(table, [caption, head, body]);
    if (caption.textContent !== data.caption) caption.textContent = data.caption;
    arrange(head, keptPart(state.parts, "head", [data.columns, state.sort], () => {
      const line = el("tr");
      line.append(...data.columns.map((column) => headCell(column, state.sort, (next) => {
        state.sort = next;
        state.draw();
      })));
      return [line];
    }));
    const rows = sorted(data.rows, state.sort.key, state.sort.down);
    arrange(body, rows.map((row) => keptNode(state.made, row.id, shape + JSON.stringify(row), () => makeRow(row))));
  };
  state.draw = () => keepingFocus(parentElement, draw);
  state.draw();
}
