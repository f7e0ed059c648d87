// Tells once that its place has come into sight and stayed there: a page that is still being drawn moves it out again.
const STAYS = 400; // ms
const watches = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const place = parentElement.querySelector(".sight");
  place.style.height = `${data.height}px`;
  if (watches.has(place) || !data.height) return;
  let timer;
  const watch = new IntersectionObserver((entries) => {
    clearTimeout(timer);
    if (!entries.at(-1).isIntersecting) return;
    timer = setTimeout(() => {
      watch.disconnect();
      setStateValue("seen", true);
    }, STAYS);
  });
  watch.observe(place);
  watches.set(place, watch);
  return () => {
    clearTimeout(timer);
    watch.disconnect();
    watches.delete(place);
  };
}
