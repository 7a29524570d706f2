// What may a program want to know about its sessions?

import type { RawNotice } from "./core/outputs.js";
import type { ErrorKind } from "./error.js";

/** Something that happened to a session. */
export interface Notice {
  /** What happened; of a kind that this release does not know, `other`. */
  readonly type: NoticeType;
  /** The account. */
  readonly account: string;
  /** The generation, where credentials were gained, changed or refused. */
  readonly generation?: number;
  /** The version under which it was saved. */
  readonly version?: number;
  /** After how many milliseconds an attempt is repeated. */
  readonly delay?: number;
  /** Why, where something failed or is repeated. */
  readonly kind?: ErrorKind;
}

/** What can happen to a session. */
export type NoticeType =
  | "signed_in"
  | "restored"
  | "renewed"
  | "adopted"
  | "refused"
  | "renewal_failed"
  | "rejected"
  | "expired"
  | "saved"
  | "save_failed"
  | "retried"
  | "probe_unknown"
  | "not_inspected"
  | "cookie_ignored"
  | "misused"
  | "closed"
  | "other";

/** The core's notice under names. */
export function noticeOf({ word, number, kind }: RawNotice, account: string): Notice {
  const type = word as NoticeType;
  return {
    type,
    account,
    ...(number !== null && { [NUMBERS[type] ?? "generation"]: number }),
    ...(kind !== null && { kind: kind as ErrorKind }),
  };
}

const NUMBERS: { readonly [type in NoticeType]?: string } = { saved: "version", retried: "delay" };
