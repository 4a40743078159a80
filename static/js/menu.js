// Menus are <details data-menu>: they open and close by themselves; this closes them on a click elsewhere, on Escape,
// and when something in it was chosen (unless it says data-menu-stays). Also opens dialogs: [data-dialog-open="id"], closes them by [data-dialog-close].

const openMenus = () => document.querySelectorAll("details[data-menu][open]");

document.addEventListener("click", ({ target }) => {
  const isChoice = target.closest(".menu__item") && !target.closest("[data-menu-stays]");
  for (const menu of openMenus()) if (isChoice || !menu.contains(target)) menu.open = false;
  const opener = target.closest("[data-dialog-open]");
  if (opener) document.getElementById(opener.dataset.dialogOpen)?.showModal();
  target.closest("[data-dialog-close]")?.closest("dialog")?.close();
  if (target.matches("dialog[open]")) target.close();
});

document.addEventListener("focusin", ({ target }) => {
  for (const menu of openMenus()) if (!menu.contains(target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details[data-menu][open]");
  if (!menu) return;
  const summary = menu.querySelector("summary");
  if (event.key === "Escape") {
    menu.open = false;
    summary.focus();
    return;
  }
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const items = [...menu.querySelectorAll(".menu__item, .nav__link")];
  if (!items.length) return;
  event.preventDefault();
  const step = event.key === "ArrowDown" ? 1 : -1;
  const index = items.indexOf(event.target);
  items[index < 0 ? (step > 0 ? 0 : items.length - 1) : (index + step + items.length) % items.length].focus();
});
