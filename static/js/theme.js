// Shows a theme as soon as it is chosen; the form that holds the choice keeps it. Radio buttons or a select with
// data-theme-choice and the values system, light, dark.

document.addEventListener("change", ({ target }) => {
  if (!target.closest?.("[data-theme-choice]")) return;
  const root = document.documentElement;
  if (target.value === "system") root.removeAttribute("data-theme");
  else root.setAttribute("data-theme", target.value);
  const scheme = target.value === "system" ? "light dark" : target.value;
  document.querySelector('meta[name="color-scheme"]').content = scheme;
});
