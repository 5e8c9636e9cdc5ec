/*
 * Notes what the tracker touches, in a real browser and before the tracker comes; run by the audit (R10, R11, R42).
 *
 * Whatever a page may ask about device, user or time lies on one of these owners. A call counts as the tracker's when
 * its script stands on the stack. `location` cannot be trapped: the check of the script's words speaks for it.
 */
const touched = new Set();
const byTracker = () => new Error().stack.includes('/turven.js');
const note = (name) => byTracker() && touched.add(name);

const OWNERS = [
  'AudioContext', 'BaseAudioContext', 'BatteryManager', 'CanvasRenderingContext2D', 'CookieStore', 'Crypto',
  'DeviceMotionEvent', 'Document', 'Element', 'FontFaceSet', 'Geolocation', 'HTMLCanvasElement', 'HTMLDocument',
  'HTMLElement', 'HTMLMediaElement', 'History', 'IDBFactory', 'MediaDevices', 'MouseEvent', 'Navigator',
  'NavigatorUAData', 'NetworkInformation', 'Node', 'OfflineAudioContext', 'Performance', 'PerformanceNavigation',
  'PerformanceObserver', 'PermissionStatus', 'Permissions', 'PluginArray', 'PointerEvent', 'RTCPeerConnection',
  'Screen', 'ScreenOrientation', 'SpeechSynthesis', 'StorageManager', 'UIEvent', 'VisualViewport',
  'WebGL2RenderingContext', 'WebGLRenderingContext', 'XMLHttpRequest',
];

const wrap = (owner, name) => {
  for (const key of Object.getOwnPropertyNames(owner)) {
    const found = Object.getOwnPropertyDescriptor(owner, key);
    if (!found.configurable || key === 'constructor' || key === 'localStorage') continue;
    const full = `${name}.${key}`;
    if (found.get || found.set) {
      Object.defineProperty(owner, key, {
        ...found,
        get: found.get && function () { note(full); return found.get.call(this); },
        set: found.set && function (value) { note(`${full} =`); return found.set.call(this, value); },
      });
    } else if (typeof found.value === 'function' && !/^[A-Z]/.test(key)) {
      Object.defineProperty(owner, key, {
        ...found,
        value: function (...given) { note(full); return found.value.apply(this, given); },
      });
    }
  }
};

// This browser has no such property; one that is not there cannot be trapped.
Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => undefined, configurable: true });
for (const name of OWNERS) if (window[name]?.prototype) wrap(window[name].prototype, name);
for (const name of Object.getOwnPropertyNames(Intl)) {
  const kind = Intl[name];
  if (typeof kind === 'function') Intl[name] = function (...given) { note(`Intl.${name}`); return new kind(...given); };
}
for (const name of ['getTimezoneOffset', 'toLocaleString', 'toLocaleDateString', 'toLocaleTimeString']) {
  const whole = Date.prototype[name];
  Date.prototype[name] = function (...given) { note(`Date.${name}`); return whole.apply(this, given); };
}
wrap(window, 'window');
const kept = window.localStorage;
Object.defineProperty(window, 'localStorage', {
  get: () => new Proxy(kept, {
    get(_, key) {
      note(`localStorage.${String(key)}`);
      const found = kept[key];
      return typeof found === 'function' ? found.bind(kept) : found;
    },
    set(_, key, value) { note(`localStorage.${key} =`); kept[key] = value; return true; },
    deleteProperty(_, key) { note(`localStorage.${key} deleted`); delete kept[key]; return true; },
    ownKeys() { note('localStorage, all of it'); return Reflect.ownKeys(kept); },
  }),
});
window.seenByTraps = () => [...touched].sort();
