/* What the pages gain with scripts: parts change without a new page, charts can be read by key and pointer, today's
   figures stay fresh. Everything else works without this file. */

const main = document.querySelector('main');
const MINUTES = 60_000;
/** The view that is shown: an address without its fragment, which only says where on the page one is. */
const viewed = () => location.pathname + location.search;
let view = viewed();

/** Says to a screen reader which period is shown now. */
const told = document.body.appendChild(document.createElement('p'));
told.className = 'far';
told.setAttribute('role', 'status');

/** Replace what is inside <main> by another view of ours, and keep the address in step. */
async function show(url, { push = true } = {}) {
  main.setAttribute('aria-busy', 'true');
  try {
    const answer = await fetch(url, { headers: { 'turven-fragment': 'main' } });
    if (!answer.ok) throw new Error(String(answer.status));
    const opened = [...main.querySelectorAll('details[open]:not(#pick)')].map((part) => part.id || part.className);
    const focused = document.activeElement?.closest?.('a')?.textContent;
    main.innerHTML = await answer.text();
    if (push) history.pushState(null, '', url);
    view = viewed();
    for (const part of main.querySelectorAll('details')) {
      const name = part.id || part.className;
      if (name && opened.includes(name)) part.open = true;
    }
    told.textContent = main.querySelector('[data-say]')?.textContent.replace(/\s+/g, ' ').trim() ?? '';
    const same = [...main.querySelectorAll('a')].find((link) => link.textContent === focused);
    (same ?? main).focus({ preventScroll: true });
    dress();
  } catch {
    location.assign(url);
  } finally {
    main.removeAttribute('aria-busy');
  }
}

addEventListener('click', (event) => {
  const link = event.target.closest?.('main .figures a, main .segments a, main .tabs a, main .bars a, main .chip, main a[data-swap]');
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  show(link.href);
});
// A link to a place on the same page ends here too, and there is nothing to fetch for it.
addEventListener('popstate', () => viewed() !== view && show(location.href, { push: false }));

/** Let a chart be read: arrow keys or a pointer name one place at a time. */
function readable(plot) {
  const table = plot.parentElement.querySelector('.data table');
  const rows = [...(table?.tBodies[0]?.rows ?? [])];
  const field = plot.querySelector('.field');
  if (!rows.length || !field) return;
  const headings = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const cursor = field.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'line'));
  cursor.setAttribute('class', 'cursor');
  cursor.setAttribute('y2', '100%');
  cursor.setAttribute('visibility', 'hidden');
  const reading = plot.appendChild(document.createElement('output'));
  reading.className = 'reading';
  plot.tabIndex = 0;
  plot.setAttribute('role', 'group');
  plot.setAttribute('aria-label', plot.querySelector('title').textContent);
  let at = rows.length;
  const blocks = [...field.querySelectorAll('.block')];
  const middle = (n) => {
    const block = blocks[n];
    if (!block) return ((n + 0.5) / rows.length) * 100;
    return Number.parseFloat(block.getAttribute('x')) + Number.parseFloat(block.getAttribute('width')) / 2;
  };
  const read = (n) => {
    at = Math.max(0, Math.min(rows.length - 1, n));
    const [name, ...values] = [...rows[at].cells].map((cell) => cell.textContent.trim().replace(/\s+/g, ' '));
    const bare = (i) => 'bare' in rows[at].cells[i].dataset;
    const said = values.map((value, i) => (bare(i + 1) ? value : `${headings[i + 1].toLowerCase()} ${value}`));
    reading.textContent = [name, ...said].filter(Boolean).join(', ');
    for (const end of ['x1', 'x2']) cursor.setAttribute(end, `${middle(at)}%`);
    cursor.setAttribute('visibility', 'visible');
    plot.classList.toggle('left', middle(at) > 50);
  };
  const rest = () => {
    reading.textContent = '';
    cursor.setAttribute('visibility', 'hidden');
  };
  plot.addEventListener('keydown', (event) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    read(to);
  });
  plot.addEventListener('pointermove', (event) => {
    const box = plot.getBoundingClientRect();
    const share = ((event.clientX - box.left) / box.width) * 100;
    const near = rows.map((_, n) => Math.abs(middle(n) - share));
    read(near.indexOf(Math.min(...near)));
  });
  plot.addEventListener('pointerleave', rest);
  plot.addEventListener('blur', rest);
}

/* What opens over the page closes when one turns to something else. */
const picking = () => main.querySelector('#pick[open]');
addEventListener('pointerdown', (event) => {
  const open = picking();
  if (open && !open.contains(event.target)) open.open = false;
});
addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || !picking()) return;
  main.querySelector('#pick summary').focus();
  picking().open = false;
});

/* Keys pick a period: each is the `data-key` of a link that does the same. Off by a switch, which this browser keeps. */
const KEYS_OFF = 'turven-keys-off';
const areOff = () => {
  try {
    return localStorage.getItem(KEYS_OFF);
  } catch {
    return null;
  }
};
const help = () => document.getElementById('keys');
addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.isComposing || !help()) return;
  if (event.target.closest?.('input, select, textarea, [contenteditable], dialog, .plot, .scroll')) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === '?') return help().showModal();
  if (event.shiftKey || areOff()) return;
  const link = main.querySelector(`a[data-key="${CSS.escape(key)}"]`);
  if (!link) return;
  event.preventDefault();
  show(link.href);
});

/** Let the keys be shown, each with the words of its link, and switched off. */
function keyed(button) {
  const arrows = { ArrowLeft: '←', ArrowRight: '→' };
  for (const link of main.querySelectorAll('a[data-key]')) {
    const line = help().querySelector('dl').appendChild(document.createElement('div'));
    const key = line.appendChild(document.createElement('dt')).appendChild(document.createElement('kbd'));
    link.setAttribute('aria-keyshortcuts', link.dataset.key);
    key.textContent = arrows[link.dataset.key] ?? link.dataset.key.toUpperCase();
    line.appendChild(document.createElement('dd')).textContent = link.textContent;
  }
  const on = help().querySelector('[data-keys-on]');
  button.hidden = false;
  button.addEventListener('click', () => help().showModal());
  on.checked = !areOff();
  on.addEventListener('change', () => (on.checked ? localStorage.removeItem(KEYS_OFF) : localStorage.setItem(KEYS_OFF, '1')));
}

/** Fetch what stands further down once somebody scrolls there; until then it is a link. */
function later(part) {
  new IntersectionObserver(async ([seen], watch) => {
    if (!seen.isIntersecting) return;
    watch.disconnect();
    try {
      const answer = await fetch(part.querySelector('a').href, { headers: { 'turven-fragment': 'main' } });
      if (!answer.ok) return;
      const made = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('.panels');
      if (!made) return;
      if (!document.querySelector('link[href="' + part.dataset.later + '"]')) {
        document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: part.dataset.later }));
      }
      part.replaceWith(made);
    } catch {
      // The link stays.
    }
  }).observe(part);
}

function dress() {
  main.querySelectorAll('[data-later]').forEach(later);
  main.querySelectorAll('.plot').forEach(readable);
  main.querySelectorAll('[data-keys]').forEach(keyed);
  if (main.querySelector('.copy, [data-echo], [data-follow]')) {
    import(document.querySelector('[data-aids]').dataset.aids).then(({ aid }) => aid(main, show));
  }
}

dress();
/* Today's figures change once an hour: look every five minutes while somebody is looking, and not while they read. */
setInterval(() => {
  const isReading = main.contains(document.activeElement) && document.activeElement !== main;
  if (!document.hidden && !isReading && main.querySelector('[data-live]')) show(location.href, { push: false });
}, 5 * MINUTES);
