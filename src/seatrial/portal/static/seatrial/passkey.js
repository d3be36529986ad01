// Passkeys: a form with `data-passkey` asks the browser's authenticator and sends what it answers; and an invitation's
// secret is taken from the address' fragment, which no server sees.
(() => {
  "use strict";
  const decode = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const encode = (bytes) =>
    btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  const known = (many) => (many || []).map((one) => ({ ...one, id: decode(one.id) }));

  const answered = (credential, parts) => {
    const response = {};
    for (const part of parts) {
      const value = credential.response[part];
      if (value) response[part] = encode(value);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return {
      id: credential.id,
      rawId: encode(credential.rawId),
      type: credential.type,
      authenticatorAttachment: credential.authenticatorAttachment,
      clientExtensionResults: credential.getClientExtensionResults(),
      response,
    };
  };

  const make = async (options) => {
    const asked = options.creation_options.publicKey;
    const publicKey = {
      ...asked,
      challenge: decode(asked.challenge),
      user: { ...asked.user, id: decode(asked.user.id) },
      excludeCredentials: known(asked.excludeCredentials),
      authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
    };
    return answered(await navigator.credentials.create({ publicKey }), ["clientDataJSON", "attestationObject"]);
  };

  const show = async (options) => {
    const asked = options.request_options.publicKey;
    const publicKey = {
      ...asked,
      challenge: decode(asked.challenge),
      allowCredentials: known(asked.allowCredentials),
      userVerification: "required",
    };
    const parts = ["clientDataJSON", "authenticatorData", "signature", "userHandle"];
    return answered(await navigator.credentials.get({ publicKey }), parts);
  };

  const options = async (form) => {
    if (!form.dataset.options) return JSON.parse(document.getElementById("passkey-options").textContent);
    const answer = await fetch(form.dataset.options, { headers: { Accept: "application/json" } });
    return answer.json();
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("button");
    const said = form.querySelector("[data-passkey-said]");
    if (!window.PublicKeyCredential) continue;
    button.hidden = false;
    said.textContent = "";
    form.addEventListener("submit", async (event) => {
      if (form.elements.credential.value) return;
      event.preventDefault();
      button.disabled = true;
      try {
        const asked = await options(form);
        const credential = form.dataset.passkey === "make" ? await make(asked) : await show(asked);
        form.elements.credential.value = JSON.stringify(credential);
        form.submit();
      } catch {
        said.textContent = "No passkey was given. Try again, or choose another way.";
        button.disabled = false;
      }
    });
  }

  const secret = document.querySelector("[data-from-fragment]");
  if (secret && location.hash.length > 1) {
    secret.value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
  }
})();
