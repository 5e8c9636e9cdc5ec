// The opt-out of the public pages. It sets the flag that the tracker looks at before anything else; the tracker itself
// is not loaded here, so that nobody is counted on the way to not being counted.
const FLAG = 'turven';
const boxes = document.querySelectorAll('[data-turven-switch]');

const state = () => {
  if (navigator.globalPrivacyControl || navigator.doNotTrack == '1') return 'signal';
  try {
    return localStorage.getItem(FLAG) ? 'out' : 'counted';
  } catch {
    return 'blocked';
  }
};

const show = () => {
  const now = state();
  for (const box of boxes) {
    box.querySelector('[role=status]').textContent = box.dataset[now];
    box.querySelector('[data-turven-opt-out]').hidden = now != 'counted';
    box.querySelector('[data-turven-opt-in]').hidden = now != 'out';
  }
};

const choose = (change) => (event) => {
  try {
    change();
  } catch {}
  show();
  // The button that was pressed is gone; whoever uses a keyboard goes on at the other one.
  event.target.closest('[data-turven-switch]').querySelector('button:not([hidden])')?.focus();
};

const optOut = () => {
  localStorage.setItem(FLAG, 'off');
  // The tracker's numbers of the day go too, whichever sites they belong to.
  for (const key of Object.keys(localStorage)) if (key.startsWith(FLAG + ':')) localStorage.removeItem(key);
};
const optIn = () => localStorage.removeItem(FLAG);

for (const box of boxes) {
  box.querySelector('[data-turven-opt-out]').addEventListener('click', choose(optOut));
  box.querySelector('[data-turven-opt-in]').addEventListener('click', choose(optIn));
}
addEventListener('storage', show);
show();
