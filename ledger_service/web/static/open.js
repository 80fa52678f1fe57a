// @ts-check
// Puts the token that stands behind the # of a one-time link into the form, and takes it out of the address.
const form = document.querySelector("form[data-link]");
const field = form?.querySelector("#link");
if (field instanceof HTMLInputElement && location.hash.length > 1) {
  field.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  form?.querySelector("button")?.focus();
}
