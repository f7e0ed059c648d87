// Ahead of each chart: colours, signed numbers, scales.
const COLOURS = { gain: "#0FA3BF", loss: "#EE7733" };
const signed = (value, digits) => {
  const text = Math.abs(value).toFixed(digits);
  return `${value < 0 && Number(text) !== 0 ? "−" : "+"}${text}`;
};

/** Steps of 1, 2 or 5 that cut a span into at most `most` parts. */
function step(span, most) {
  const rough = span / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((one) => one * power >= rough * 0.999) ?? 10);
}
