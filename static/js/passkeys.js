// Passkeys and security keys: a <form data-passkey="create|get"> asks the browser for a
// key before it is sent. Its options are JSON, in the element that data-passkey-options
// names or at data-passkey-url. The answer goes into the field "credential".

const DESCRIPTORS = ["excludeCredentials", "allowCredentials"];
const CANCELED = ["NotAllowedError", "AbortError"];

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    askForKey(form);
  });
}

async function askForKey(form) {
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  tell(form, "");
  try {
    const publicKey = decode((await readOptions(form)).publicKey);
    const credential =
      form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: withChoice(publicKey, form) })
        : await navigator.credentials.get({ publicKey });
    form.elements.credential.value = JSON.stringify(encode(credential));
    form.submit();
  } catch (error) {
    button.disabled = false;
    tell(form, describe(error));
  }
}

async function readOptions(form) {
  const { passkeyOptions, passkeyUrl } = form.dataset;
  if (passkeyOptions) return JSON.parse(document.getElementById(passkeyOptions).textContent);
  const response = await fetch(passkeyUrl, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return (await response.json()).request_options;
}

/** A key that is to work alone must know who it belongs to, and check who holds it. */
function withChoice(publicKey, form) {
  const isAlone = form.elements.passwordless?.checked ?? false;
  publicKey.authenticatorSelection = {
    ...publicKey.authenticatorSelection,
    residentKey: isAlone ? "required" : "discouraged",
    requireResidentKey: isAlone,
    ...(isAlone && { userVerification: "required" }),
  };
  return publicKey;
}

function describe(error) {
  if (CANCELED.includes(error.name)) return "Nothing was chosen. Try again when you are ready.";
  if (error.name === "InvalidStateError") return "This key was added before.";
  return `That did not work: ${error.message}`;
}

function tell(form, words) {
  const status = form.querySelector("[data-passkey-status]");
  status.textContent = words;
  status.hidden = !words;
}

function decode(options) {
  options.challenge = toBytes(options.challenge);
  if (options.user) options.user.id = toBytes(options.user.id);
  for (const name of DESCRIPTORS) {
    for (const descriptor of options[name] ?? []) descriptor.id = toBytes(descriptor.id);
  }
  return options;
}

function encode(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  };
}

function toBytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

function toText(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
