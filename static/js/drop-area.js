// Files that are dropped on a [data-drop-area], or pasted anywhere, go to its dropzone: files:given {files} on [data-dropzone].
// And what uploads an earlier visit has left unfinished is told there. Markup: macros/forms.html, dropzone().

function give(area, files) {
  area.querySelector("[data-dropzone]")?.dispatchEvent(new CustomEvent("files:given", { detail: { files } }));
}

for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(type, (event) => {
    const area = event.target.closest?.("[data-drop-area]");
    if (!area || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    const isOver = type === "dragenter" || type === "dragover";
    area.querySelector("[data-dropzone]")?.classList.toggle("dropzone--over", isOver);
    if (type === "drop") give(area, event.dataTransfer.files);
  });
}

document.addEventListener("paste", (event) => {
  const area = document.querySelector("[data-drop-area]");
  if (!area || !event.clipboardData?.files.length) return;
  event.preventDefault();
  give(area, event.clipboardData.files);
});

async function tellInterrupted(box) {
  const left = await window.ResumableUpload.interrupted();
  const dropzone = box.closest("[data-dropzone]");
  if (!left.length || dropzone.querySelector("[data-upload]")) return;
  const what = left.length === 1 ? "1 upload was interrupted" : `${left.length} uploads were interrupted`;
  const names = left.map(({ name }) => name).join(", ");
  box.querySelector("[data-dropzone-interrupted-text]").textContent = `${what}: ${names}. Choose the same again to go on.`;
  box.querySelector("[data-dropzone-forget]").addEventListener("click", () => {
    left.forEach(({ forget }) => forget());
    box.hidden = true;
    dropzone.querySelector("input[type=file]").focus();
  });
  box.hidden = false;
}
document.querySelectorAll("[data-dropzone-interrupted]").forEach(tellInterrupted);
