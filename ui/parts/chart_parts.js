// Ahead of each chart: elements, and links that the page opens itself where it may.
const el = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

const COLOURS = { gain: "#0FA3BF", loss: "#EE7733" };
const signed = (value, digits) => {
  const text = Math.abs(value).toFixed(digits);
  return `${value < 0 && Number(text) !== 0 ? "−" : "+"}${text}`;
};

/** A plain click asks the page, which knows the worst frame; any other click follows the link. */
function leads(link, href, open) {
  link.setAttribute("href", href);
  link.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button === 1) return;
    event.preventDefault();
    event.stopPropagation();
    open();
  };
  return link;
}

/** Steps of 1, 2 or 5 that cut a span into at most `most` parts. */
function step(span, most) {
  const rough = span / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((one) => one * power >= rough * 0.999) ?? 10);
}
