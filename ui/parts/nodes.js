// Ahead of all that draws: a page's nodes, and what a plain click opens.
const el = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

/** A plain click asks the page, which knows more than the address (a worst frame); any other follows the link. */
const opening = (open) => (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button === 1) return;
  event.preventDefault();
  event.stopPropagation();
  open();
};

function leads(link, href, open) {
  link.setAttribute("href", href);
  link.onclick = opening(open);
  return link;
}
