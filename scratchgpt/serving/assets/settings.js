// The settings, kept in this tab as the conversation is.

const SETTINGS = "scratchgpt.settings";
const NUMBERS = ["temperature", "top_p", "max_completion_tokens", "seed"];
const settingsPanel = byId("settings");
const settingsForm = byId("settings-form");

/** Return the settings of a request; those that are empty are left to the server. */
function sampling() {
  const filled = NUMBERS.filter((name) => byId(name).value !== "");
  const values = Object.fromEntries(filled.map((name) => [name, byId(name).valueAsNumber]));
  return byId("probabilities").checked ? { ...values, logprobs: true, top_logprobs: 5 } : values;
}

/** Whether all numbers are valid; shows the first that is not. */
function settingsAreValid() {
  if (settingsForm.checkValidity()) return true;
  openSettings(true);
  settingsForm.reportValidity();
  return false;
}

function openSettings(open) {
  settingsPanel.hidden = !open;
  byId("open-settings").ariaExpanded = String(open);
}

function keepSettings() {
  const values = Object.fromEntries(["system", ...NUMBERS].map((name) => [name, byId(name).value]));
  values.probabilities = byId("probabilities").checked;
  log.classList.toggle("plain", !values.probabilities);
  try {
    sessionStorage.setItem(SETTINGS, JSON.stringify(values));
  } catch {
    // The browser forbids it; the settings hold until a reload.
  }
}

function recallSettings() {
  let values = {};
  try {
    values = JSON.parse(sessionStorage.getItem(SETTINGS)) ?? {};
  } catch {
    // Nothing is stored, or the browser forbids it.
  }
  for (const name of ["system", ...NUMBERS]) byId(name).value = values[name] ?? "";
  byId("probabilities").checked = values.probabilities ?? true;
  keepSettings();
}

byId("open-settings").addEventListener("click", () => {
  openSettings(settingsPanel.hidden);
  if (!settingsPanel.hidden) byId("system").focus();
});
byId("close-settings").addEventListener("click", () => {
  openSettings(false);
  byId("open-settings").focus();
});
byId("reset-settings").addEventListener("click", () => {
  settingsForm.reset();
  keepSettings();
});
settingsForm.addEventListener("submit", (event) => event.preventDefault());
settingsForm.addEventListener("input", keepSettings);
byId("probabilities").addEventListener("change", () => {
  if (!byId("probabilities").checked) hideDetails();
  keepSettings();
});
