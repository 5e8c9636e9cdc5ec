/* What few pages gain with scripts, fetched by those that have it: copying, a trial event, a check that goes on. */

/** Give a block of code a button that copies it. */
function copyable(block) {
  const button = block.appendChild(document.createElement('button'));
  button.type = 'button';
  button.textContent = block.dataset.copy;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(block.querySelector('code').textContent);
    button.textContent = block.dataset.copied;
  });
}

/** Send a trial event and show the collector's answer: received, nothing stored. */
function echoing(form) {
  form.hidden = false;
  const out = form.querySelector('output');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const told = { s: form.dataset.site, n: 'pageview', u: form.elements.url.value, e: 1 };
    if (form.dataset.number) told.i = form.dataset.number;
    const body = JSON.stringify(told);
    try {
      const answer = await fetch(form.dataset.echo, { method: 'POST', body, credentials: 'omit', referrerPolicy: 'no-referrer' });
      const text = await answer.text();
      const pre = document.createElement('pre');
      pre.tabIndex = 0;
      const dropped = answer.headers.get('X-Dropped');
      try {
        pre.textContent = JSON.stringify(JSON.parse(text), null, 2);
      } catch {
        pre.textContent = `${answer.status} ${dropped ?? text}`;
      }
      out.replaceChildren(form.dataset.received, pre);
    } catch {
      out.textContent = form.dataset.failed;
    }
  });
}

/** Keep telling how far a check is, in the places that tell it; show the whole page once it is done. */
function following(part, show) {
  setTimeout(async () => {
    if (!part.isConnected) return;
    try {
      const answer = await fetch(location.href, { headers: { 'turven-fragment': 'main' } });
      const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('[data-follow]');
      if (!fresh) return show(location.href, { push: false });
      const told = fresh.querySelectorAll('[data-told]');
      part.querySelectorAll('[data-told]').forEach((place, n) => {
        if (place.textContent !== told[n].textContent) place.textContent = told[n].textContent;
      });
    } catch {
      // The house may be busy: look again.
    }
    following(part, show);
  }, Number(part.dataset.follow) * 1_000);
}

/** Dress what is inside *main*; *show* opens another view of ours. */
export function aid(main, show) {
  main.querySelectorAll('.copy').forEach(copyable);
  main.querySelectorAll('[data-echo]').forEach(echoing);
  main.querySelectorAll('[data-follow]').forEach((part) => following(part, show));
}
