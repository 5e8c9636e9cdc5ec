/** Types of the tracker, for pages that are written in TypeScript. */

/** Only plain values; at most 8 of them, texts of at most 100 characters. Nothing that tells who somebody is. */
export type TurvenProperties = Record<string, string | number | boolean>;

export interface Turven {
  /**
   * Counts an event on the page that is open.
   *
   * @param name At most 40 characters; `pageview` counts the page once more.
   * @param properties Kept only where the site's profile keeps them.
   */
  (name: string, properties?: TurvenProperties): void;

  /** Stops counting on this origin: keeps the flag `turven` in localStorage and deletes the number of the day. */
  optOut(): void;

  /** Deletes the flag. */
  optIn(): void;

  /** Calls that were made before the script arrived; read once. */
  q?: ArrayLike<unknown>[];
}

declare global {
  interface Window {
    turven: Turven;
  }
  /** Defined by the script, or before it by the queue of one line: see docs/guides/tracker.md. */
  // eslint-disable-next-line no-var
  var turven: Turven;
}
