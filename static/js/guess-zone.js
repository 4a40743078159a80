// Chooses the device's own time zone on a form that nobody has touched yet.
const select = document.querySelector("[data-guess-zone]");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (select && select.value === "UTC" && [...select.options].some((option) => option.value === zone)) select.value = zone;
