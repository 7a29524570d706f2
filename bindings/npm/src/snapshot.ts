// How do a client's sessions stand at this moment? Names, numbers and times; never a secret.
//
// Totals never go back, also when sessions go.

import type { ErrorKind } from "./error.js";
import { type SessionState, type SessionStats, STATS } from "./session.js";

/** All of a client at one moment; the same as the snapshot of the native client. */
export interface ClientStats {
  /** When it was taken. */
  readonly at: Date;
  /** Every live session, by account. */
  readonly sessions: readonly SessionSnapshot[];
  /** Sums over the sessions, with the counters of those that are gone. */
  readonly totals: Totals;
}

/** One session at one moment. */
export interface SessionSnapshot {
  /** The platform's id. */
  readonly platform: string;
  /** The account's name. */
  readonly account: string;
  /** Where it stands. */
  readonly state: SessionState;
  /** How many sign-ins and renewals its present credentials have behind them. */
  readonly generation: number;
  /** How many milliseconds ago the account signed in. */
  readonly age: number | undefined;
  /** When its present access token ends, where that is known. */
  readonly expiresAt: Date | undefined;
  /** Calls that wait for an answer from the wire. */
  readonly inFlight: number;
  /** Calls that wait for anything else. */
  readonly waiting: number;
  /** The kind of the last error of a call, or that the session met with by itself. */
  readonly lastError: ErrorKind | undefined;
  /** Whether the store holds all that it has; `undefined` where it is kept nowhere. */
  readonly isSaved: boolean | undefined;
  /** Its counters since it was made in this process. */
  readonly stats: SessionStats;
}

/** Sums over sessions. */
export interface Totals {
  /** Live sessions. */
  readonly sessions: number;
  /** Their calls that wait for an answer from the wire. */
  readonly inFlight: number;
  /** Their calls that wait for anything else. */
  readonly waiting: number;
  /** The counters of all sessions since the client was made. */
  readonly stats: SessionStats;
}

/** What sessions that are gone have counted. */
export class Ledger {
  #gone: SessionStats = NOTHING;
  /** The highest sums told so far: a session whose core trapped counts from zero again. */
  #told: SessionStats = NOTHING;

  /** Keeps what a session has counted that goes now. */
  add(stats: SessionStats): void {
    this.#gone = joined(this.#gone, stats, (a, b) => a + b);
  }

  /** Sums up what live sessions say and what gone ones left. */
  snapshot(at: Date, sessions: SessionSnapshot[]): ClientStats {
    const sum = (of: (one: SessionSnapshot) => number): number => sessions.reduce((total, one) => total + of(one), 0);
    const all = sessions.reduce((total, { stats }) => joined(total, stats, (a, b) => a + b), this.#gone);
    this.#told = joined(this.#told, all, Math.max);
    sessions.sort((a, b) => (a.account < b.account ? -1 : 1));
    const [inFlight, waiting] = [sum((one) => one.inFlight), sum((one) => one.waiting)];
    return { at, sessions, totals: { sessions: sessions.length, inFlight, waiting, stats: this.#told } };
  }
}

function joined(one: SessionStats, other: SessionStats, join: (a: number, b: number) => number): SessionStats {
  const pairs = STATS.map((name) => [name, join(one[name], other[name])]);
  return Object.fromEntries(pairs) as unknown as SessionStats;
}

const NOTHING = Object.fromEntries(STATS.map((name) => [name, 0])) as unknown as SessionStats;
