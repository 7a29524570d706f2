// What may a program want to know about its sessions?

import type { RawNotice } from "./core/outputs.js";
import type { ErrorKind } from "./error.js";

/** Something that happened to a session. */
export interface Notice {
  /** What happened. */
  readonly type: NoticeType;
  /** When. */
  readonly at: Date;
  /** The platform's id. */
  readonly platform: string;
  /** The account. */
  readonly account: string;
  /** The generation, where credentials were gained, changed or refused. */
  readonly generation?: number;
  /** The version under which it was saved. */
  readonly version?: number;
  /** After how many milliseconds an attempt is repeated, or the platform asks to come back. */
  readonly delay?: number;
  /** Until when the platform asks to wait. */
  readonly until?: Date;
  /** The status by which the platform asked to wait. */
  readonly status?: number;
  /** Why, where something failed or is repeated. */
  readonly kind?: ErrorKind;
}

/** What can happen to a session: the same words as in Rust and on the command line. */
export const NOTICE_TYPES = [
  "signed_in",
  "challenged",
  "restored",
  "renewed",
  "adopted",
  "refused",
  "renewal_failed",
  "rejected",
  "expired",
  "saved",
  "save_failed",
  "throttled",
  "retried",
  "probe_unknown",
  "not_inspected",
  "cookie_ignored",
  "bundle_drift",
  "misused",
  "signed_out",
  "sign_out_failed",
  "closed",
] as const;

/** What can happen to a session. */
export type NoticeType = (typeof NOTICE_TYPES)[number];

/** Which session a notice is about, and when it came. */
export type NoticeOf = Pick<Notice, "at" | "platform" | "account">;

/** The core's notice under names. */
export function noticeOf({ word, number, kind, status, until }: RawNotice, of: NoticeOf): Notice {
  const type = word as NoticeType;
  return {
    type,
    ...of,
    ...(number !== null && { [NUMBERS[type] ?? "generation"]: number }),
    ...(until !== null && { until: new Date(until) }),
    ...(status !== null && { status }),
    ...(kind !== null && { kind: kind as ErrorKind }),
  };
}

const NUMBERS: { readonly [type in NoticeType]?: string } = { saved: "version", retried: "delay", throttled: "delay" };
