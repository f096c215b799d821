// A button on each code block that copies it, without prompts ("$ ") and without its output.
"use strict";

function textOf(block) {
  const copy = block.cloneNode(true);
  copy.querySelectorAll(".linenos").forEach((number) => number.remove());
  const text = copy.textContent.replace(/\n+$/, "\n");
  return block.closest(".highlight-console") ? text.replace(/^\$ /gm, "") : text;
}

async function copyText(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea"); // pages that are opened from a folder
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

document.addEventListener("DOMContentLoaded", () => {
  for (const block of document.querySelectorAll("div.highlight")) {
    if (block.closest(".run-output")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy this code");
    button.addEventListener("click", async () => {
      await copyText(textOf(block.querySelector("pre")));
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    block.append(button);
  }
});
