// Keys of the player: while nothing is being typed elsewhere.
function bindKeys(player) {
  const acts = {
    ArrowLeft: (far) => player.step(-far), ArrowRight: (far) => player.step(far),
    Home: () => player.show(0), End: () => player.show(player.length - 1),
    n: () => player.failure(1), p: () => player.failure(-1),
    " ": () => player.toggle(), o: () => player.flip(player.outline), e: () => player.setError(!player.error),
    0: () => player.zoom.reset(), "+": () => player.zoom.by(1.5), "-": () => player.zoom.by(1 / 1.5),
    "?": () => player.help(), Escape: () => player.help(false),
  };
  const stays = new Set(["o", "e", " ", "0", "+", "-", "?", "Escape"]);
  const listen = (event) => {
    const at = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || at?.isContentEditable) return;
    const tag = at?.tagName;
    // A selectbox that was just used keeps the focus; closed, it has no use for Left and Right.
    const closed = at?.getAttribute?.("aria-expanded") === "false" && /^Arrow(Left|Right)$/.test(event.key);
    const ours = at === player.slider || at?.type === "checkbox" || closed;
    if (tag === "TEXTAREA" || tag === "SELECT" || (tag === "INPUT" && !ours)) return;
    if (!closed && at?.closest?.('[role="combobox"], [role="listbox"], [role="tablist"], [role="dialog"]')) return;
    const object = /^[1-9]$/.test(event.key) ? Number(event.key) : 0;
    if (!object && !(event.key in acts)) return;
    if (event.key === " " && (tag === "BUTTON" || tag === "A" || tag === "SUMMARY" || at.type === "checkbox")) return;
    if (event.key === "Escape" && player.keysBox.hidden) return;
    event.preventDefault();
    if (object) {
      player.flipObject(object);
      return;
    }
    if (!stays.has(event.key)) player.pause();
    acts[event.key](event.shiftKey ? 10 : 1);
  };
  // While it comes down: widgets above keep keys to themselves on its way up.
  window.addEventListener("keydown", listen, true);
  return () => window.removeEventListener("keydown", listen, true);
}
