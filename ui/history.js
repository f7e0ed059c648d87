// One entry of the browser's history for each thing that a person does, written into the page before Streamlit's scripts.
//
// Streamlit adds an entry whenever the server changes the address: two for `st.switch_page` (the next page's query on
// this page, then the next page), and one more for a page that completes its own address. Back would lead there, to a
// page in a state that nobody has seen. What nobody asked for takes the place of the entry before it instead. So does a part
// that a component writes to the address itself (it says "voslab-written" with the part's name): what the server says of
// it may be of a choice before the last.
(() => {
  const push = history.pushState.bind(history);
  let acted = false;
  const act = (event) => {
    // A pointer's click comes after its pointerdown, perhaps after the answer to it; one without a pointer has detail 0.
    if (event.type !== "click" || event.detail === 0) acted = true;
  };
  for (const type of ["pointerdown", "keydown", "click"]) addEventListener(type, act, true);
  addEventListener("popstate", () => { acted = false; }, true);
  const written = new Set();
  addEventListener("voslab-written", (event) => written.add(event.detail));
  const differsElsewhere = (address) => {
    const [here, there] = [new URL(location.href), new URL(address, location.href)];
    for (const url of [here, there]) for (const name of written) url.searchParams.delete(name);
    for (const url of [here, there]) url.searchParams.sort();
    return here.href !== there.href;
  };
  history.pushState = (...entry) => {
    if (entry[2] && !differsElsewhere(entry[2])) {
      history.replaceState(...entry);
      return;
    }
    if (acted) push(...entry);
    else history.replaceState(...entry);
    acted = false;
  };
})();
