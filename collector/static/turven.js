/*
 * Turven: counts how a site is used and never who used it.
 *
 *   <script defer src="https://stats.example/turven.js?s=SITE"
 *           crossorigin="anonymous" referrerpolicy="no-referrer" data-site="SITE"></script>
 *
 * This is the source. It is served minified, with only those optional parts that the site has switched on: a part
 * stands between a comment that names it and one that ends it. docs/guides/tracker.md says what is sent and what not.
 *
 * Understood by Safari 14 and everything newer. Nothing here may throw into the page that it counts. `let` throughout
 * and the order of some lines are there for the compressor: tests/test_script.py holds the size.
 */
{
  let { dataset, src } = document.currentScript;
  // Calls of turven() that wait until the page is counted; the first of them were made before this script arrived.
  let calls = window.turven?.q || [];
  // The page's address, cleaned, as it was when it was counted: leaving is reported of the page that is left.
  let here;

  // The visitor's own flag stands first: where it is set, nothing after it is read. Where the browser forbids storage
  // this throws, and nothing is counted: a refusal could not be remembered.
  let isSilent = () =>
    localStorage.turven ||
    navigator.globalPrivacyControl ||
    // A developer's own machine; `file:` has no host.
    (!dataset.local && /^(127\.|$)|localhost/.test(location.host)) ||
    // Part of a page of the same origin, which is counted as one. Frames of another origin have no element to be seen.
    frameElement ||
    navigator.webdriver ||
    navigator.doNotTrack > 0;

  /*! part:browser */
  // Tells two browsers behind one address apart until midnight: "Wed Nov 04 2026 0.5318", sent as it is stored.
  // Math.random is enough: the number is no secret and has to differ within one site and one day only.
  let key = 'turven:' + dataset.site;
  let number = (today = Date().slice(0, 16), kept = localStorage[key]) =>
    kept?.includes(today) ? kept : (localStorage[key] = today + Math.random());
  /*! end */

  // `fetch` and not `sendBeacon`, which would carry the application's cookies and the whole address of the page.
  // A text body needs no preflight.
  let send = (more, n, p) =>
    isSilent() ||
    fetch(new URL(dataset.endpoint || 'event', src), {
      body: JSON.stringify({
        /*! part:width */
        // Four classes: below 480, 960 and 1440 pixels, and above.
        w: Math.min(3, (innerWidth / 480) | 0),
        /*! end */
        s: dataset.site,
        u: here,
        n,
        p,
        /*! part:browser */
        i: number(),
        /*! end */
        // Most iPads say that they are a Mac.
        t: navigator.maxTouchPoints > 0,
        ...more,
      }),
      credentials: 'omit',
      method: 'POST',
      referrerPolicy: 'no-referrer',
      keepalive: true,
    }).catch((e) => e);

  /*! part:engagement */
  // When the page came into view (0 while it is out of view) and how far it was scrolled down.
  let since;
  let lowest;
  let leave = () => {
    if (since)
      send(
        {
          d: performance.now() - since,
          y: (((lowest + innerHeight) / document.documentElement.scrollHeight) * 100) | 0,
        },
        'engagement',
      );
    since = 0;
  };
  /*! end */

  // Counts the page when somebody sees it (not while it is loaded ahead or in the background) and its address is new
  // or it came back from the back/forward cache; then sends what waits.
  let look = (event) => {
    try {
      if (isSilent());
      else if (document.hidden) {
        /*! part:engagement */
        leave();
        /*! end */
      } else {
        // `location.href` would hold a user name and password where the address does.
        let url =
          location.origin +
          (
            location.pathname
            /*! part:hash */ +
            // A route begins with a slash. Any other fragment is an anchor or, after a sign-in, a token.
            location.hash.replace(/#!?(\/[^?#]*)?.*/, '$1')
            /*! end */
          ).replace(/;[^/]*/g, '');
        if (url != here || event?.persisted) {
          let from = !here && document.referrer.split('/')[2];
          /*! part:engagement */
          leave();
          lowest = 0;
          /*! end */
          here = url;
          // An entry opens a visit. A reload keeps its old referrer, hence the type of navigation (0: neither a reload
          // nor a step in history; Safari 14 lacks the newer interface to it).
          send(from && from != location.host && { r: from, e: !performance.navigation?.type }, 'pageview');
        }
        /*! part:engagement */
        since ||= performance.now();
        /*! end */
      }
      if (here) calls.splice(0).map((call) => send(0, ...call));
    } catch {}
  };

  let turven = (window.turven = (...call) => look(calls.push(call)));
  turven.optOut = () => {
    localStorage.turven = 'off';
    /*! part:browser */
    delete localStorage[key];
    /*! end */
  };
  turven.optIn = () => delete localStorage.turven;

  ['pushState', 'replaceState'].map((name) => {
    let original = history[name];
    history[name] = (...change) => look(original.apply(history, change));
  });
  /*! part:engagement */
  addEventListener('pagehide', leave);
  addEventListener('scroll', () => {
    lowest = Math.max(lowest, scrollY);
  });
  /*! end */
  // Caught on its way down (1), before the page can stop it.
  addEventListener(
    'click',
    ({ target }) => {
      if (target.closest('[data-turven]')) turven.optOut();
      /*! part:outbound|downloads */
      let { pathname, host } = target.closest('a') || location;
      /*! end */
      /*! part:outbound */
      if (host && host != location.host) turven('Outbound', { host });
      /*! end */
      /*! part:downloads */
      // The type only: names of files are names of people often enough.
      let file = /\.(docx?|xlsx?|pptx?|pdf|zip)$/i.exec(pathname);
      if (file) turven('Download', { type: file[1] });
      /*! end */
    },
    1,
  );
  addEventListener('popstate', look);
  addEventListener('pageshow', look);
  addEventListener('visibilitychange', look);
  look();
}
