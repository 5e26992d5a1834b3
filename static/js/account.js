// On a small screen the account's own menu is one row that scrolls: show where we are.
document
  .querySelector(".account__nav [aria-current]")
  ?.scrollIntoView({ block: "nearest", inline: "center" });

// [data-secret] wraps a password field and gets a button that shows what was typed.

for (const wrapper of document.querySelectorAll("[data-secret]")) {
  const input = wrapper.querySelector("input");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "secret__toggle";
  button.addEventListener("click", () => {
    show(input, button, input.type === "password");
    input.focus();
  });
  input.form.addEventListener("submit", () => show(input, button, false));
  show(input, button, false);
  wrapper.append(button);
}

function show(input, button, isShown) {
  input.type = isShown ? "text" : "password";
  button.textContent = isShown ? "Hide" : "Show";
  button.setAttribute("aria-label", `${button.textContent} what is typed`);
}
