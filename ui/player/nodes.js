// The frame player: panes in sync, composited here, so that stepping and looks cost no script run and no request twice.
// This room: making nodes of the page.
function drawn(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function button(className, label, act, path) {
  const node = el("button", className);
  node.type = "button";
  node.title = label;
  node.setAttribute("aria-label", label);
  if (path) {
    const svg = drawn("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" });
    svg.append(drawn("path", { d: path }));
    node.append(svg);
  }
  node.onclick = act;
  return node;
}

const framesOf = ({ start, end }) => (start === end ? `frame ${start}` : `frames ${start} to ${end}`);
